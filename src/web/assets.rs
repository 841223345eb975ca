//! Style sheet, script and pictures: another content has another name, so they are kept for ever.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ETag, EntityTag, IfNoneMatch},
    web,
};

use super::{Answer, State, WebError};

/// `GET /assets/{name}`
pub async fn serve(
    state: web::Data<State>,
    name: web::Path<String>,
    request: HttpRequest,
) -> Answer {
    use actix_web::http::header::Header;

    let asset = state.text.asset(&name).ok_or(WebError::NotFound)?;
    let tag = EntityTag::new_weak(asset.hash.clone());
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut answer = match known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    answer
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header(ETag(tag));
    Ok(match known {
        true => answer.finish(),
        false => answer
            .content_type(asset.content_type)
            .body(match &asset.bytes {
                std::borrow::Cow::Borrowed(bytes) => web::Bytes::from_static(bytes),
                std::borrow::Cow::Owned(bytes) => web::Bytes::copy_from_slice(bytes),
            }),
    })
}
