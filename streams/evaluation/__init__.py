"""How good the recommendations are: the engine run over a log, predicting before it learns."""
