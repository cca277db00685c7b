"""The operations of webhooks and deliveries."""

from typing import Any, Final

from taskloom.dialects.native import deliveries, webhooks, wire, wire_webhooks
from taskloom.dialects.operation import Body, Operation

_REFUSED: Final[dict[int, Any]] = {401: wire.Problem, 403: wire.Problem}
_MISSING: Final[dict[int, Any]] = {**_REFUSED, 404: wire.Problem}
_CHANGING: Final[dict[int, Any]] = {400: wire.Problem, **_MISSING, 409: wire.Problem}

OPERATIONS: Final = (
    Operation(
        name="native.webhooks_create",
        method="POST",
        path="/api/v1/webhooks",
        handler=webhooks.create,
        scope="admin",
        summary="Make a webhook; the answer shows its secret",
        body=Body.JSON,
        request=wire_webhooks.NewWebhook,
        responses={201: wire_webhooks.Webhook, 400: wire.Problem, **_REFUSED, 409: wire.Problem},
    ),
    Operation(
        name="native.webhooks_list",
        method="GET",
        path="/api/v1/webhooks",
        handler=webhooks.listing,
        scope="admin",
        summary="The webhooks of the tenant",
        responses={200: wire_webhooks.Webhooks, **_REFUSED},
    ),
    Operation(
        name="native.webhooks_read",
        method="GET",
        path="/api/v1/webhooks/{key}",
        handler=webhooks.read,
        scope="admin",
        summary="One webhook",
        responses={200: wire_webhooks.Webhook, **_MISSING},
    ),
    Operation(
        name="native.webhooks_change",
        method="PATCH",
        path="/api/v1/webhooks/{key}",
        handler=webhooks.change,
        scope="admin",
        summary="Change a webhook; what is not named stays",
        body=Body.JSON,
        request=wire_webhooks.WebhookChange,
        responses={200: wire_webhooks.Webhook, **_CHANGING},
    ),
    Operation(
        name="native.webhooks_delete",
        method="DELETE",
        path="/api/v1/webhooks/{key}",
        handler=webhooks.delete,
        scope="admin",
        summary="End a webhook for good, and what waits for it",
        responses={204: None, **_MISSING, 409: wire.Problem},
    ),
    Operation(
        name="native.webhooks_secret",
        method="GET",
        path="/api/v1/webhooks/{key}/secret",
        handler=webhooks.secret,
        scope="admin",
        summary="What the calls of a webhook are signed with",
        responses={200: wire.CallbackSecrets, **_MISSING},
    ),
    Operation(
        name="native.webhooks_secret_renew",
        method="POST",
        path="/api/v1/webhooks/{key}/secret",
        handler=webhooks.new_secret,
        scope="admin",
        summary="A new secret; the one before it signs too for a day",
        responses={200: wire.CallbackSecrets, **_MISSING, 409: wire.Problem},
    ),
    Operation(
        name="native.webhooks_test",
        method="POST",
        path="/api/v1/webhooks/{key}/test",
        handler=webhooks.test,
        scope="admin",
        summary="Send a webhook the event `webhook.test`",
        responses={202: wire_webhooks.DeliveryKey, **_MISSING, 409: wire.Problem},
    ),
    Operation(
        name="native.deliveries_list",
        method="GET",
        path="/api/v1/deliveries",
        handler=deliveries.listing,
        scope="admin",
        summary="Deliveries by state, task, webhook and event",
        query=deliveries.Asked,
        responses={200: wire_webhooks.Deliveries, 400: wire.Problem, **_MISSING},
    ),
    Operation(
        name="native.deliveries_send_failed",
        method="POST",
        path="/api/v1/deliveries/send",
        handler=deliveries.send_failed,
        scope="admin",
        summary="Begin the deliveries again that failed within a time",
        body=Body.JSON,
        request=wire_webhooks.SendFailed,
        responses={200: wire_webhooks.SentAgain, 400: wire.Problem, **_REFUSED},
    ),
    Operation(
        name="native.deliveries_read",
        method="GET",
        path="/api/v1/deliveries/{key}",
        handler=deliveries.read,
        scope="admin",
        summary="One delivery with its latest attempts",
        responses={200: wire_webhooks.DeliveryDetail, **_MISSING},
    ),
    Operation(
        name="native.deliveries_send",
        method="POST",
        path="/api/v1/deliveries/{key}/send",
        handler=deliveries.send,
        scope="admin",
        summary="Begin a delivery again",
        responses={202: wire_webhooks.DeliveryKey, **_MISSING},
    ),
)
