"""Generated protobuf and gRPC code for the control messages between coordinator and workers (see wire.proto)."""
