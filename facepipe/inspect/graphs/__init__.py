"""Networks as graphs of layers, whatever they are made of.

graph.py         layers, what feeds which, how far a unit sees      network.py      a network, and what it is fed
torch_graph.py   traced from a torch module                         onnx_graph.py   read from an ONNX file
"""
