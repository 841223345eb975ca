//! The guard of all that is for operators: the token, or an operator's session.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use futures_util::{FutureExt, future::LocalBoxFuture};
use subtle::ConstantTimeEq;

use super::{WebError, visit::Visit};
use crate::config::Secret;

/// Proof that an operator asks.
pub struct Operator {
    /// Who it is, as far as it is known.
    pub name: String,
}

impl Operator {
    /// Judges the token, if one came along, and else the session.
    pub async fn admit(request: &HttpRequest, visit: &Visit) -> Result<Self, WebError> {
        if let Some(authorization) = request.headers().get(header::AUTHORIZATION) {
            let given = bearer(authorization.as_bytes()).unwrap_or_default();
            return match &visit.state.config.operator_token {
                Some(token) if is_equal(token, given) => Ok(Operator {
                    name: "an operator".to_owned(),
                }),
                _ => Err(WebError::WrongToken),
            };
        }
        match visit.user().await? {
            Some(user) if user.operator => Ok(Operator {
                name: user.username,
            }),
            Some(_) => Err(WebError::Forbidden),
            None => Err(WebError::Unknown),
        }
    }
}

impl FromRequest for Operator {
    type Error = WebError;
    type Future = LocalBoxFuture<'static, Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { Operator::admit(&request, &Visit::of(&request)?).await }.boxed_local()
    }
}

/// The token of `Authorization: Bearer TOKEN`; the scheme may be written in any case.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// Takes as long for a token that is nearly right as for one that is not.
fn is_equal(token: &Secret, given: &[u8]) -> bool {
    token.expose().as_bytes().ct_eq(given).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_found_and_nothing_else_is() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bearer  abc "), Some(&b"abc"[..]));
        assert_eq!(bearer(b"Basic YTpi"), None);
        assert_eq!(bearer(b"Bearer"), None);
    }
}
