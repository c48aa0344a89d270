"""A simulated judge: a double of OpenAI's chat completions API that scores products by rule, and fails on demand.

For tests and the demo. It knows nothing of language; whatever shows its scores says "simulated judge".
"""
