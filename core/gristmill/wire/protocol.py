"""Names and bounds that both ends of the control stream must agree on."""

WORK_METHOD = "/gristmill.v1.Coordinator/Work"
SERVICE = "gristmill.v1.Coordinator"
OPERATOR_METHOD = "/gristmill.v1.Operator/Lead"
OPERATOR_SERVICE = "gristmill.v1.Operator"
TOKEN_HEADER = "gristmill-token"
MAX_MESSAGE_BYTES = 256 << 20
