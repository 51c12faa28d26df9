//! Where an answer sends a request on to.
//!
//! As Go's client has it (<https://pkg.go.dev/net/http#Client>), but a secret goes neither to another host nor out of TLS: Go
//! sends the body of a request along.

use http::{Method, StatusCode};

use super::{Answer, Request};

/// Why a request is not sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It would carry a secret to another host, or out of TLS.
    Elsewhere,
    /// Where to is not said, or is no URL of the web.
    Nowhere,
    /// It has been sent on too often.
    TooOften,
}

/// The request that follows `answer`; `None` where the answer is the last.
pub(super) fn next(request: &Request, answer: &Answer) -> Result<Option<Request>, Refused> {
    let repeats = match answer.status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let location = answer.location.as_deref().ok_or(Refused::Nowhere)?;
    let url = request.url.join(location).ok_or(Refused::Nowhere)?;
    let leaves = url.host != request.url.host || (request.url.is_tls && !url.is_tls);
    let repeats = repeats || request.method == Method::GET;
    let next = Request {
        method: if repeats {
            request.method.clone()
        } else {
            Method::GET
        },
        form: request.form.clone().filter(|_| repeats),
        authorization: request.authorization.clone().filter(|_| !leaves),
        url,
    };
    if leaves && next.form.is_some() {
        return Err(Refused::Elsewhere);
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::secret::Secret;
    use crate::web::Url;

    fn get() -> Request {
        Request {
            method: Method::GET,
            url: Url::parse("https://h.example/token").unwrap(),
            authorization: Some(HeaderValue::from_static("Basic x")),
            form: None,
        }
    }

    fn post() -> Request {
        Request {
            method: Method::POST,
            authorization: None,
            form: Some(Secret::new("password=x")),
            ..get()
        }
    }

    fn follow(request: &Request, status: u16, location: &str) -> Result<Option<Request>, Refused> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            location: Some(location.to_owned()),
            body: Vec::new(),
        };
        next(request, &answer)
    }

    #[test]
    fn a_secret_stays_with_its_host() {
        let same = follow(&get(), 302, "/other").unwrap().unwrap();
        assert_eq!(same.url.to_string(), "https://h.example/other");
        assert!(same.authorization.is_some());
        for location in ["https://o.example/", "http://h.example/", "//a.h.example/"] {
            let elsewhere = follow(&get(), 302, location).unwrap().unwrap();
            assert!(elsewhere.authorization.is_none(), "{location}");
            assert_eq!(
                follow(&post(), 307, location).err(),
                Some(Refused::Elsewhere)
            );
        }
    }

    #[test]
    fn a_form_is_repeated_where_the_answer_says_so_and_dropped_elsewhere() {
        for status in [307, 308] {
            let again = follow(&post(), status, "/other").unwrap().unwrap();
            assert_eq!((again.method, again.form.is_some()), (Method::POST, true));
        }
        for status in [301, 302, 303] {
            let dropped = follow(&post(), status, "https://o.example/")
                .unwrap()
                .unwrap();
            assert_eq!(
                (dropped.method, dropped.form.is_some()),
                (Method::GET, false)
            );
        }
    }

    #[test]
    fn other_answers_are_the_last() {
        for status in [200, 300, 304, 401, 500] {
            assert!(
                follow(&get(), status, "/other").unwrap().is_none(),
                "{status}"
            );
        }
    }

    #[test]
    fn a_place_that_is_none_is_refused() {
        assert_eq!(
            follow(&get(), 302, "ftp://o.example/").err(),
            Some(Refused::Nowhere)
        );
    }
}
