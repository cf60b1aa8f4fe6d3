"""An image becomes detections: boxes, scores, five landmarks.

base.py      what a detector is            turned.py      pictures that lie on their side or head
yunet.py     the default: yunet_net.py proposes, onet.py looks at each and places its landmarks (crops.py cuts them)
mtcnn.py     the other: mtcnn_nets.py on a pyramid that area.py makes
boxes.py     arithmetic on boxes
"""
