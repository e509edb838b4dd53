"""Plain networks: image in, image out; no losses, no training, no configuration.

A network is an `nn.Module` with keyword-only `in_channels` and `out_channels`. It has no global skip: the family adds it,
so that the same network can predict an image, a residual or noise. A network that was published without one declares
`gives_image = True`: its output is the image itself, except under diffusion, which has no global skip at all.
`multiple` is the number that the height and width of its input must be divisible by; the family pads and crops. A network
that takes `condition_channels` accepts `forward(image, condition)` with one vector (B, condition_channels) per image. It may
return a list of images, finest first, each half the size of the one before; `coarser_inputs` and `coarser_targets` then
name the downsampling of the blurred images that regression adds to the coarser outputs, and of their sharp targets (a
`Reduction` of `images.tensors.at_scale`). Pretrained weights are loaded in `prepare()`, which is called once before training.
"""
