"""Which constants suit a log: searched on what came before its test part."""
