"""Names and bounds that both ends of a control stream must agree on: coordinator and workers, operator and leads."""

WORK_METHOD = "/gristmill.v1.Coordinator/Work"
SERVICE = "gristmill.v1.Coordinator"
OPERATOR_METHOD = "/gristmill.v1.Operator/Lead"
OPERATOR_SERVICE = "gristmill.v1.Operator"
TOKEN_HEADER = "gristmill-token"
MAX_MESSAGE_BYTES = 256 << 20
WORKER_PORT, FLIGHT_PORT, CLIENT_PORT = 7077, 7078, 7079
"""Of pods: where a lead hears workers, any pod serves map output, and a lead answers clients (on loopback)."""
UPSTREAM_ANNOTATION = "gristmill.dev/upstream-"
"""Before a job's name, on the resource that a lead is sent: the annotation says where that job's output lies."""
