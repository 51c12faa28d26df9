//! Keys by which an engine knows again who has got a token.

use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::error::{Error, ErrorKind, Result};

/// The authority over the tokens for one host.
pub(super) struct Authority(Ed25519KeyPair);

impl Authority {
    /// The authority for an engine that is known by `salt`, to those who are known by `seed`
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/authprovider/authprovider.go>, `getAuthorityKey`).
    pub(super) fn new(salt: &[u8], seed: &[u8]) -> Result<Self> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(tag.as_ref());
        let pair = pair.map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a key").with_source(error.to_string())
        })?;
        Ok(Self(pair))
    }

    pub(super) fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    /// The signature and what is signed, one after the other (<https://pkg.go.dev/golang.org/x/crypto/nacl/sign>).
    pub(super) fn sign(&self, payload: &[u8]) -> Vec<u8> {
        [self.0.sign(payload).as_ref(), payload].concat()
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::text::hex;

    /// Made with Node's `crypto`: the key of the seed `createHmac('sha256', salt).update('seed').digest()`.
    #[test]
    fn keys_are_those_of_other_implementations() {
        let authority = Authority::new(&[7; 32], b"seed").unwrap();
        assert_eq!(
            hex(&authority.public_key()),
            "8a5da426a57de515e756b82e35588de8810cf8c82eff381bc10e376420604825"
        );
        assert_eq!(
            hex(&authority.sign(b"payload")),
            "6cb680a632cd196f8951c0f8a68728b4e5e879e378333af432040cb376bb977b00eb1989db124192c12659aeb0b64fdd1c636b12746ee6ecdfef7e34e4254f097061796c6f6164"
        );
    }

    #[test]
    fn what_is_signed_follows_a_signature_that_the_public_key_accepts() {
        let authority = Authority::new(b"salt", b"").unwrap();
        let signed = authority.sign(b"payload");
        let (signature, payload) = signed.split_at(64);
        assert_eq!(payload, b"payload");
        let key = UnparsedPublicKey::new(&ED25519, authority.public_key());
        assert!(key.verify(payload, signature).is_ok());
    }

    #[test]
    fn another_salt_or_another_seed_is_another_authority() {
        let key = |salt, seed| Authority::new(salt, seed).unwrap().public_key();
        assert_ne!(key(b"a", b"x"), key(b"b", b"x"));
        assert_ne!(key(b"a", b"x"), key(b"a", b"y"));
    }
}
