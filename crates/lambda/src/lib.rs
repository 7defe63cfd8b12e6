//! The AWS Lambda functions.
