//! Controls of the public streams: products that the venue knows and does not stream.

use super::local::LocalVenue;
use super::model::Coinbase;
use crate::sim::server::Stopped;

impl LocalVenue {
    /// From now on a product is left out of what is subscribed, without a word, as unknown ones are (Coinbase reference
    /// 6.1); or it is not. What is subscribed stays so.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn set_streamed(&self, product: &str, streamed: bool) -> Result<(), Stopped> {
        let id = product.to_owned();
        self.call(move |core, _| core.venue.set_streamed(&id, streamed))
    }

    /// Products with level2 on each market connection now, in no particular order.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn books_per_connection(&self) -> Result<Vec<usize>, Stopped> {
        self.call(move |core, _| core.venue.books_per_connection())
    }

    /// The same of the Exchange feed, batched or not.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn exchange_books_per_connection(&self) -> Result<Vec<usize>, Stopped> {
        self.call(move |core, _| core.venue.feed.books_per_connection())
    }
}

impl Coinbase {
    /// See [`LocalVenue::set_streamed`].
    pub fn set_streamed(&mut self, product: &str, streamed: bool) {
        if streamed {
            self.unstreamed.remove(product);
        } else {
            self.unstreamed.insert(product.to_owned());
        }
    }

    /// See [`LocalVenue::books_per_connection`].
    pub fn books_per_connection(&self) -> Vec<usize> {
        let market = self.sessions.values().filter(|session| !session.user_host);
        market.map(|session| session.held.get(&super::session::Channel::Level2).map_or(0, |held| held.len())).collect()
    }
}
