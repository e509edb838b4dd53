"""deblurbench: which way of deblurring is best for my photographs, and by how much?"""

from deblurbench.models.loading import load

__all__ = ["load"]
__version__ = "0.1.0"
