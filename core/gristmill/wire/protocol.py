"""Names and bounds that both ends of the control stream must agree on."""

WORK_METHOD = "/gristmill.v1.Coordinator/Work"
SERVICE = "gristmill.v1.Coordinator"
TOKEN_HEADER = "gristmill-token"
MAX_MESSAGE_BYTES = 256 << 20
