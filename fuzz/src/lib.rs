//! Helpers of the fuzz targets: keys, a fixed clock, and independent parsers to compare with.

pub mod claims;
pub mod json;
pub mod request;
pub mod response;
pub mod token;
