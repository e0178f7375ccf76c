"""A REST API for items: API Gateway, Lambda and DynamoDB."""

__version__ = "0.1.0"
