"""What each key of an experiment file is for, in a sentence: for the page of all keys and the files that `init` writes."""

from __future__ import annotations

EXPERIMENT = {
    "question": "What the experiment asks; the report begins with it.",
    "datasets": "Data sets by name: presets of configs/datasets/, or in full; models are trained and scored on each by itself.",
    "models": "The models that are compared, by name: presets of configs/models/, or in full.",
    "training": "The budget and optimiser that all models share: a preset of configs/training/, or in full.",
    "seeds": "Each model is trained once for each seed; several show how much of a difference is chance.",
    "recipe": "How PSNR, SSIM and the others are computed: a published convention by its name.",
    "metrics": "Further metrics, by name or in full, beside those of the recipe.",
}
DATASET = {
    "layout": "How its files are arranged: a name of deblurbench data list, with its path.",
    "blur": "How sharp photographs are blurred; pairs from files need none.",
    "camera": "What comes with the blur: clipped light, noise, JPEG.",
    "test_crop": "Test images are cropped to so many pixels a side around their centre; null scores whole ones.",
    "patch_candidates": "Each training patch is the most detailed of one to so many random ones; 1 takes any.",
    "patch_tones": "Training patches that we blur get powers of e^x, |x| ≤ patch_tones, channels apart by a third of it.",
    "patch_grey": "Training patches that we blur are made grey, as old photographs are, with this probability.",
    "patch_reduction": "Training patches that we blur are first reduced by a factor from 1 to this, which makes them sharper.",
    "register": "Pairs of separate exposures: true registers them, false uses them as they are, null blurs the sharp side.",
    "strict": "Whether an image that cannot be used is an error; otherwise it is left out and named.",
}
MODEL = {
    "base": "A preset of configs/models/ that the other keys change.",
    "name": "The family; its own keys are below.",
    "training": "Changes of the shared training for this model.",
    "variants": "Further rows by name, each with other ways to restore with the same weights.",
    "start": "A model of the experiment, weights that ship or a checkpoint, whose weights the training starts from.",
    "sweep": "Settings to try, of which the best by validation is kept.",
}
SWEEP = {
    "grid": "Lists of values by key; every combination is a candidate.",
    "random": "Lists of values, or {low, high, log}, by key, from which candidates are drawn.",
    "draws": "The number of candidates of random.",
    "seed": "The seed that they are drawn by.",
}
TRAINING = {
    "steps": "The budget as training steps, of which one is a batch.",
    "minutes": "The budget as minutes of training.",
    "teramacs": "The budget as 10^12 multiply-accumulates of all forward and backward passes.",
    "batch_size": "Patches in a step, of all processes together.",
    "crop_size": "Pixels a side of a patch.",
    "progressive": "Earlier stages with other patches, usually smaller ones in larger batches.",
    "learning_rate": "The highest learning rate of AdamW.",
    "final_learning_rate": "The learning rate that a cosine ends at.",
    "warmup_steps": "Steps in which the learning rate rises to its highest.",
    "constant_until": "The fraction of the budget until which the learning rate is constant.",
    "betas": "The decays of AdamW's averages of the gradient and of its square.",
    "weight_decay": "AdamW's decay of the weights.",
    "clip_norm": "Gradients of a larger norm are scaled down to it.",
    "ema_decay": "The decay of the averaged weights, which restore; 0 takes the last ones.",
    "precision": "The numbers that networks compute with; 16 bits are faster on a GPU.",
    "compile": "Whether networks are compiled by torch.compile.",
    "validation_crop": "Pixels a side of a validation image, around its centre.",
    "validation_images": "The most validation images that are restored each time.",
    "log_every": "Steps between values of the losses in TensorBoard.",
    "validate_every": "Steps between validations.",
    "checkpoint_every": "Steps between states that an interrupted training goes on from.",
}
PATCHES = {
    "until": "The fraction of the budget at which the stage ends.",
    "crop_size": "Pixels a side of its patches.",
    "batch_size": "Patches in a step of it.",
}
