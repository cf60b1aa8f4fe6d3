"""A chip becomes a template: the network's summary of the face.

base.py                  what a backbone is                  torch_backbone.py   what those made with torch share
sface.py                 the default; sface_net.py the same in torch, for looking inside
dlib_resnet.py           its weights read by dlib_dat.py, its convolutions packed by fused.py
inception_resnet_v1.py   FaceNet's                            onnx.py, onnx_file.py   anybody's
"""
