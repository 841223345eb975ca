//! An address and the methods that it takes, so that any other method is told which they are.

use actix_web::{
    FromRequest, Handler, Resource, Responder,
    dev::{AppService, HttpServiceFactory},
    guard,
    middleware::from_fn,
    web,
};

use super::{Answer, error::WebError, failure, intake};

/// A line of the route table.
pub struct At {
    resource: Resource,
    methods: Vec<&'static str>,
}

/// The address `path`, which takes no method yet.
pub fn at(path: &str) -> At {
    At {
        resource: web::resource(path),
        methods: Vec::new(),
    }
}

impl At {
    /// GET, and HEAD with it.
    pub fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let either = guard::Any(guard::Get()).or(guard::Head());
        let route = web::route().guard(either).to(handler);
        self.resource = self.resource.route(route);
        self.methods.extend(["GET", "HEAD"]);
        self
    }

    /// POST.
    pub fn post<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::post().to(handler));
        self.methods.push("POST");
        self
    }

    /// PUT.
    pub fn put<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::put().to(handler));
        self.methods.push("PUT");
        self
    }

    /// PATCH.
    pub fn patch<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::patch().to(handler));
        self.methods.push("PATCH");
        self
    }

    /// DELETE.
    pub fn delete<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::delete().to(handler));
        self.methods.push("DELETE");
        self
    }

    /// JSON of up to so many bytes, instead of what is usual.
    pub fn accepting(mut self, bytes: usize) -> Self {
        self.resource = self.resource.app_data(intake::json_up_to(bytes));
        self
    }
}

impl HttpServiceFactory for At {
    fn register(self, config: &mut AppService) {
        let allowed = self.methods.join(", ");
        let refuse = move || {
            let allowed = allowed.clone();
            async move { Answer::Err(WebError::Method(allowed)) }
        };
        // Panics are caught here, as the request may be held on to only after it was routed.
        self.resource
            .default_service(web::to(refuse))
            .wrap(from_fn(failure::complete))
            .register(config);
    }
}
