//! Drivers for the end-to-end tests in `tests`: gRPC, which no other program here needs.

mod grpc;

pub use grpc::{GrpcOrigin, GrpcReply, call as grpc_call};
