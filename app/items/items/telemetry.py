"""Logs, metrics and traces, in the forms that CloudWatch and X-Ray read.

The environment configures them as the library documents: POWERTOOLS_SERVICE_NAME, POWERTOOLS_METRICS_NAMESPACE,
POWERTOOLS_TRACE_DISABLED, POWERTOOLS_LOG_LEVEL.
"""

from __future__ import annotations

import os
import warnings

from aws_lambda_powertools import Logger, Metrics, Tracer

os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "items")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "items")

logger = Logger(utc=True)
# Requests are counted by API Gateway; most have nothing to add.
warnings.filterwarnings("ignore", "No application metrics to publish*")
metrics = Metrics()
tracer = Tracer()
