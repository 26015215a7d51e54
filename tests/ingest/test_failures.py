"""Why calls failed, told from what real clients and providers say: names of exceptions, statuses, messages."""

import pytest

from ingest import failures, records
from ingest.contract import Interaction
from ingest.dimensions import ErrorClass
from ingest.failures import class_of, classified, named
from ingest.kinds import EXPECTED
from tests.ingest.filling import fates, fill
from tests.ingest.record import one, take

SAYINGS = {
    "rate_limit": [
        "RateLimitError",
        "openai.RateLimitError",
        "litellm.exceptions.RateLimitError",
        "429",
        "ThrottlingException",
        "TooManyRequestsException",
        "ResourceExhausted",
        "RESOURCE_EXHAUSTED",
        "rate_limit_exceeded",
        "insufficient_quota",
        "HTTP 429",
        "Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29876, Requested 500. Please try again in 752ms.', 'type': 'tokens', 'param': None, 'code': 'rate_limit_exceeded'}}",
        "Error code: 429 - {'error': {'message': 'You exceeded your current quota, please check your plan and billing details.', 'type': 'insufficient_quota'}}",
        "Error code: 413 - {'error': {'message': 'Request too large for model `llama-3.1-8b-instant` on tokens per minute (TPM): Limit 6000, Requested 7204', 'type': 'tokens', 'code': 'rate_limit_exceeded'}}",
        "429 RESOURCE_EXHAUSTED. {'error': {'code': 429, 'message': 'You exceeded your current quota', 'status': 'RESOURCE_EXHAUSTED'}}",
        "An error occurred (ThrottlingException) when calling the InvokeModel operation (reached max retries: 4): Too many tokens, please wait before trying again.",
        "Client error '429 Too Many Requests' for url 'https://api.mistral.ai/v1/chat/completions'",
        "litellm.RateLimitError: RateLimitError: OpenAIException - That was too much",
        "Request failed with status code 429",
        '{"error": {"code": "429", "message": "slow down"}}',
        "RateLimitError: 429 Number of request tokens has exceeded your per-minute rate limit",
        "too_many_requests",
    ],
    "timeout": [
        "APITimeoutError",
        "openai.APITimeoutError",
        "ReadTimeout",
        "httpx.ConnectTimeout",
        "TimeoutError",
        "asyncio.exceptions.TimeoutError",
        "DeadlineExceeded",
        "DEADLINE_EXCEEDED",
        "ETIMEDOUT",
        "504",
        "408",
        "GatewayTimeout",
        "Request timed out.",
        "504 Deadline Exceeded",
        "HTTPSConnectionPool(host='api.openai.com', port=443): Read timed out. (read timeout=600)",
        'Read timeout on endpoint URL: "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke"',
        "connect ETIMEDOUT 104.18.6.192:443",
        "The operation was aborted due to timeout",
    ],
    "auth": [
        "AuthenticationError",
        "openai.AuthenticationError",
        "PermissionDeniedError",
        "PermissionDenied",
        "Unauthenticated",
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "invalid_api_key",
        "401",
        "403",
        "Error code: 401 - {'error': {'message': 'Incorrect API key provided: sk-x. You can find your API key at https://platform.openai.com/account/api-keys.', 'type': 'invalid_request_error', 'code': 'invalid_api_key'}}",
        "{'type': 'error', 'error': {'type': 'authentication_error', 'message': 'invalid x-api-key'}}",
        "An error occurred (AccessDeniedException) when calling the InvokeModel operation: You don't have access to the model with the specified model ID.",
        "401 Client Error: Unauthorized for url: https://api-inference.huggingface.co/models/x",
        "API key not valid. Please pass a valid API key.",
        "Unable to locate credentials",
    ],
    "content_filter": [
        "ContentPolicyViolationError",
        "ContentFilterFinishReasonError",
        "content_filter",
        "content_policy_violation",
        "ResponsibleAIPolicyViolation",
        "SAFETY",
        "BlockedPromptException",
        "Error code: 400 - {'error': {'message': \"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.\", 'param': 'prompt', 'code': 'content_filter', 'status': 400}}",
        "Error code: 400 - {'error': {'code': 'content_policy_violation', 'message': 'Your request was rejected as a result of our safety system.', 'type': 'invalid_request_error'}}",
        "Output blocked by content filtering policy",
        "InternalError.Algo.DataInspectionFailed: Input data may contain inappropriate content.",
    ],
    "context_length": [
        "ContextWindowExceededError",
        "context_length_exceeded",
        "request_too_large",
        "Error code: 400 - {'error': {'message': \"This model's maximum context length is 128000 tokens. However, your messages resulted in 130429 tokens. Please reduce the length of the messages.\", 'type': 'invalid_request_error', 'param': 'messages', 'code': 'context_length_exceeded'}}",
        "prompt is too long: 208310 tokens > 200000 maximum",
        "400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).', 'status': 'INVALID_ARGUMENT'}}",
        "An error occurred (ValidationException) when calling the Converse operation: Input is too long for requested model.",
        "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
        "litellm.BadRequestError: litellm.ContextWindowExceededError: too much",
        "string too long. Expected a string with maximum length 1048576",
    ],
    "server": [
        "InternalServerError",
        "openai.InternalServerError",
        "ServiceUnavailableError",
        "ServiceUnavailable",
        "UNAVAILABLE",
        "overloaded_error",
        "OverloadedError",
        "InternalServerException",
        "ModelErrorException",
        "ServerError",
        "server_error",
        "500",
        "502",
        "503",
        "529",
        "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error', 'message': 'Overloaded'}}",
        "503 UNAVAILABLE. {'error': {'code': 503, 'message': 'The model is overloaded. Please try again later.', 'status': 'UNAVAILABLE'}}",
        "The server had an error while processing your request. Sorry about that!",
        "Server error '502 Bad Gateway' for url 'https://api.openai.com/v1/chat/completions'",
        "500 Internal error encountered.",
        "Error code: 500 - {'error': {'message': 'Connection to upstream lost'}}",
    ],
    "network": [
        "APIConnectionError",
        "openai.APIConnectionError",
        "httpx.ConnectError",
        "ReadError",
        "httpx.RemoteProtocolError",
        "ConnectionResetError",
        "ConnectionRefusedError",
        "aiohttp.ClientConnectorError",
        "ServerDisconnectedError",
        "aiohttp.client_exceptions.ServerDisconnectedError",
        "EndpointConnectionError",
        "SSLError",
        "socket.gaierror",
        "ECONNRESET",
        "ENOTFOUND",
        "Connection error.",
        "fetch failed",
        "socket hang up",
        "getaddrinfo EAI_AGAIN api.openai.com",
        "[Errno -3] Temporary failure in name resolution",
        "HTTPSConnectionPool(host='api.openai.com', port=443): Max retries exceeded with url: /v1/chat/completions (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused'))",
        "peer closed connection without sending complete message body (incomplete chunked read)",
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        "ProxyError",
    ],
    "other": [
        "BadRequestError",
        "NotFoundError",
        "UnprocessableEntityError",
        "ValueError",
        "Exception",
        "400",
        "404",
        "422",
        "413",
        "0",
        "200",
        "Error code: 404 - {'error': {'message': 'The model `gpt-9` does not exist', 'type': 'invalid_request_error', 'code': 'model_not_found'}}",
        "Your credit balance is too low to access the Anthropic API.",
        "list index out of range",
        "Expecting value: line 1 column 429 (char 428)",
        "took 504 ms and 500 tokens",
        "No tool named get_503 is known",
        "the answer was not JSON",
        "Unknown parameter: 'safety_identifier'",
    ],
}


@pytest.mark.parametrize(("name", "saying"), [(name, one) for name, told in SAYINGS.items() for one in told])
def test_what_clients_and_providers_say_has_a_class(name, saying):
    """Wherever it stands: as the class, in a field beside it, or in the message."""
    alone = Interaction(feature="a", status="error", error_class=saying[:200])
    assert name == "other" or class_of(saying) is failures.CLASSES[name]
    assert named(Interaction(feature="a", status="error", error_message=saying), None) == name
    if len(saying) <= 200:
        assert named(alone, None) == name
        assert named(Interaction(feature="a", status="error"), {"error": saying}) == name
        assert named(Interaction(feature="a", status="error", metadata={"error_type": saying}), None) == name


@pytest.mark.parametrize("status", [429, "429", " 429 "])
def test_a_status_may_come_as_a_number_and_as_text(status):
    assert named(Interaction(feature="a", error_class=status), None) == "rate_limit"
    for beside in (
        {"status_code": status},
        {"http_status": status},
        {"error": {"code": status}},
        {"error.code": status},
    ):
        assert named(Interaction(feature="a", status="error"), beside) == "rate_limit"


def test_what_is_said_first_decides_and_other_says_nothing():
    late = {"error_message": "Request timed out."}
    assert named(Interaction(feature="a", error_class="server", **late), None) == "server"
    assert named(Interaction(feature="a", error_class="RateLimitError", **late), None) == "rate_limit"
    assert named(Interaction(feature="a", error_class="BadRequestError", **late), {"status_code": 400}) == "timeout"
    assert named(Interaction(feature="a", error_class="other", **late), None) == "timeout"
    assert named(Interaction(feature="a", status="error", **late), {"status_code": 200, "error": True}) == "timeout"


def test_a_word_that_is_no_class_is_kept_beside_it_and_what_did_not_fail_has_none():
    item, extras = classified(Interaction(feature="a", error_class="RateLimitError"), {"a": 1})
    assert (item.error_class, extras) == ("rate_limit", {"a": 1, "error_class": "RateLimitError"})
    item, extras = classified(Interaction(feature="a", error_class="Unheard"), None)
    assert (item.error_class, extras) == ("other", {"error_class": "Unheard"})
    same = Interaction(feature="a", error_class="timeout")
    assert classified(same, None) == (same, None)
    for nothing in ("", 0):
        item, extras = classified(Interaction(feature="a", status="ok", error_class=nothing), None)
        assert (item.error_class, extras) == (None, None)


@pytest.mark.parametrize(
    ("sent", "found", "kept"),
    [
        ({"status": "error", "error_message": "Error code: 429 - slow down"}, ErrorClass.RATE_LIMIT, None),
        ({"error_class": "RateLimitError"}, ErrorClass.RATE_LIMIT, '{"error_class":"RateLimitError"}'),
        ({"error_class": 503}, ErrorClass.SERVER, '{"error_class":503}'),
        ({"error_class": "429", "tries": 3}, ErrorClass.RATE_LIMIT, '{"tries":3,"error_class":"429"}'),
        ({"error_class": "Unheard"}, ErrorClass.OTHER, '{"error_class":"Unheard"}'),
        ({"status": "error", "status_code": 504}, ErrorClass.TIMEOUT, '{"status_code":504}'),
        ({"status": "error"}, ErrorClass.OTHER, None),
        ({"error_class": "auth"}, ErrorClass.AUTH, None),
        ({"status": "ok", "error_class": ""}, ErrorClass.NONE, None),
        ({"error_class": 0}, ErrorClass.NONE, None),
    ],
)
def test_an_interaction_is_stored_with_its_class(post, project, sent, found, kept):
    assert post("interactions", {"id": "i-1", "feature": "a", **sent}).json()["created"] == 1
    assert post("interactions", {"id": "i-1", "feature": "a", **sent}).json()["duplicates"] == 1
    row = one(project, "interaction")
    assert (row["error_class"], row["status"]) == (found, int(found is not ErrorClass.NONE))
    assert one(project, "payload")["metadata"] == kept


@pytest.mark.parametrize("sent", [True, 1.5, "x" * 201, ["timeout"], {"code": 429}, 2**31])
def test_what_can_be_no_class_is_refused_in_words(post, sent):
    refused = post("interactions", {"feature": "a", "error_class": sent})
    assert refused.status_code == 400
    error = refused.json()["errors"][0]
    assert error["path"] == "$.error_class"
    if sent != 2**31:
        assert "rate_limit" in error["expected"]
        assert "HTTP status" in error["expected"]


def test_a_class_is_told_from_texts_that_are_not_kept(make_project):
    project = make_project(text_policy="hashed")
    sent = {"feature": "a", "status": "error", "error_class": "BadRequestError", "error_message": "prompt is too long"}
    take(project, records.INTERACTIONS, sent)
    assert one(project, "interaction")["error_class"] == ErrorClass.CONTEXT_LENGTH
    payload = one(project, "payload")
    assert payload["error_message"] is None
    assert "BadRequest" not in payload["metadata"]


def test_a_patch_tells_a_class_as_a_post_would(project):
    def patched(id, body):
        answer = fates(fill(project, body, id))
        return answer, one(project, "interaction", "*", "id = %s", id)["error_class"]

    take(project, records.INTERACTIONS, [{"id": id, "feature": "a"} for id in "abcd"])
    take(project, records.INTERACTIONS, {"id": "failed", "feature": "a", "status": "error"})
    late = {"error_message": "Error code: 429"}
    assert patched("a", {"status": "error", **late}) == (
        {"status": "filled", "error_message": "filled"},
        ErrorClass.RATE_LIMIT,
    )
    assert patched("b", {"error_class": "ReadTimeout", "x": 1}) == (
        {"error_class": "filled", "x": "filled"},
        ErrorClass.TIMEOUT,
    )
    kept = one(project, "payload", "metadata", "id = 'b'")["metadata"]
    assert kept == '{"x":1,"error_class":"ReadTimeout"}'
    assert patched("b", {"error_class": "timeout"}) == ({"error_class": "unchanged"}, ErrorClass.TIMEOUT)
    assert patched("b", {"error_class": 500}) == ({"error_class": "conflict"}, ErrorClass.TIMEOUT)
    assert patched("b", late) == ({"error_message": "filled"}, ErrorClass.TIMEOUT)
    assert one(project, "payload", "metadata", "id = 'b'")["metadata"] == kept
    assert patched("c", late) == ({"error_message": "filled"}, ErrorClass.NONE)
    assert patched("failed", late) == ({"error_message": "filled"}, ErrorClass.RATE_LIMIT)


def test_a_refusal_names_every_class():
    assert all(word in EXPECTED[Interaction]["error_class"] for word in failures.CLASSES)
