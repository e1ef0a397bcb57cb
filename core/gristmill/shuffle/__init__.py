"""The shuffle: files of map output, indexed by partition, and how reducers pull their part of them."""
