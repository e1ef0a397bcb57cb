"""One file for each policy; ``decide`` puts them together. Pure: values in, values out."""
