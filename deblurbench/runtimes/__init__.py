"""Trained networks without torch: through ONNX Runtime or OpenVINO, tile by tile on the pixels of a photograph."""
