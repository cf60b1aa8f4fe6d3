"""Networks as files: what describes them, where their weights are, and what runs them.

cards.py     a network's card: licence, input, thresholds      registry.py  its architecture -> the module that runs it
weights.py   found, downloaded, and checked by their sha256     tensors.py   read without torch
runtime.py   onnxruntime: quick, and silent
"""
