//! What the fuzz targets share: keys, a clock that stands still, and readers of their own to compare with.

pub mod answer;
pub mod claims;
pub mod json;
pub mod request;
pub mod token;
