use jwt_auth::jwt_required;

#[rustfmt::skip]
#[jwt_required]
async fn handler(_: Option<u8>, _: Option<u16>, _: Option<u32>, _: Option<u64>, _: Option<u8>, _: Option<u16>, _: Option<u32>, _: Option<u64>, _: Option<u8>, _: Option<u16>, _: Option<u32>, _: Option<u64>, _: Option<u8>, _: Option<u16>, _: Option<u32>, _: Option<u64>) {}

fn main() {}
