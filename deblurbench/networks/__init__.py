"""Plain networks: image in, image out; no losses, no training, no configuration.

A network is an `nn.Module` with keyword-only `in_channels` and `out_channels`. It has no global skip: the family adds it,
so that the same network may predict an image, a residual or noise. One that was published without any says
`gives_image = True`: what it gives is taken for the image itself, except by diffusion, which adds nothing to any.
`multiple` names what its input's sides must be multiples of; the family pads and crops. A network that takes
`condition_channels` accepts `forward(image, condition)` with one vector (B, condition_channels) an image. It may give
a list of images, finest first, each half the size of the one before; with `coarser_inputs` and `coarser_targets` it says
how regression makes the smaller blurred images that the coarser ones are added to, and the sharp ones that they are
compared with (the `by` of `images.tensors.at_scale`). A network with `prepare()` loads trained weights in it, which is
called once before training.
"""
