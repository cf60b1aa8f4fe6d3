"""A face becomes a chip: cut out upright, its landmarks where the network was taught to expect them.

transform.py   which turn, scale and shift that takes          cut.py      the chip, on the CPU; cut_torch.py elsewhere
quality.py     how well the face was seen                      kept.py     the wider chip that a gallery keeps
"""
