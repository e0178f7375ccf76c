"""Logs, metrics and traces, in the forms that CloudWatch and X-Ray read."""

from __future__ import annotations

import os
import warnings

from aws_lambda_powertools import Logger, Metrics, Tracer

SERVICE = "items"

logger = Logger(service=SERVICE, utc=True)
# Requests are counted by API Gateway; most have nothing to add.
warnings.filterwarnings("ignore", "No application metrics to publish*")
metrics = Metrics(namespace="Items", service=SERVICE)
# Only where the function's tracing is switched on: elsewhere there is no segment to add to.
tracer = Tracer(service=SERVICE, disabled=os.environ.get("TRACING", "false") != "true")
