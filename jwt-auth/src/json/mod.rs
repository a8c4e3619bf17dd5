//! JSON objects, read strictly.

mod names;
mod reader;

pub(crate) use reader::{
    NotStrict, Number, Reader, Text, Value, array, members, object, object_with_names,
};
