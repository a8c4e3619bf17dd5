//! Interleaved rounds, so that a slow phase of the machine affects every lane, and medians.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, Request, Response, StatusCode};
use tower::Service;

/// How long a lane runs in each round.
const TURN: Duration = Duration::from_micros(500);
const WARM_UP: usize = 10;

/// A function that is measured: it runs so many times, and returns the time that it took.
pub struct Lane<'a> {
    run: Box<dyn FnMut(usize) -> Duration + 'a>,
}

impl fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl<'a> Lane<'a> {
    /// Measures a function.
    pub fn new<T>(mut call: impl FnMut() -> T + 'a) -> Self {
        let run = move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(call());
            }
            start.elapsed()
        };
        Self { run: Box::new(run) }
    }

    /// Measures a route that must respond with this status.
    pub fn route<S, B, R>(
        service: S,
        path: &'static str,
        bearer: HeaderValue,
        status: StatusCode,
    ) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible> + 'a,
        B: Default + 'a,
    {
        Self::requests(service, move || request(path, &bearer), status)
    }

    /// Measures requests that must get this status. They are created before the clock starts.
    pub fn requests<S, B, R>(
        mut service: S,
        create: impl Fn() -> Request<B> + 'a,
        status: StatusCode,
    ) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible> + 'a,
    {
        let run = move |calls| {
            let requests: Vec<_> = (0..calls).map(|_| create()).collect();
            let start = Instant::now();
            for request in requests {
                let response = run_ready(service.call(request)).expect("a router is infallible");
                assert_eq!(response.status(), status);
                drop(black_box(response));
            }
            start.elapsed()
        };
        Self { run: Box::new(run) }
    }
}

/// A request for a guarded route.
pub fn request<B: Default>(path: &str, bearer: &HeaderValue) -> Request<B> {
    let request = Request::get(path).header("authorization", bearer.clone());
    request.body(B::default()).expect("a request")
}

/// Runs a future that is ready at once, without a runtime.
pub fn run_ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the future is not ready"),
    }
}

/// The median time of one call of each lane, in nanoseconds. Every lane runs in every round.
pub fn measure_interleaved(lanes: &mut [Lane<'_>], rounds: usize) -> Vec<f64> {
    let calls: Vec<usize> = lanes
        .iter_mut()
        .map(|lane| {
            (lane.run)(4);
            let once = (lane.run)(16) / 16;
            (TURN.as_nanos() / once.as_nanos().max(1)).clamp(4, 100_000) as usize
        })
        .collect();
    let mut figures: Vec<Vec<f64>> = lanes.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for round in 0..rounds + WARM_UP {
        for ((lane, calls), figures) in lanes.iter_mut().zip(&calls).zip(&mut figures) {
            let figure = (lane.run)(*calls).as_nanos() as f64 / *calls as f64;
            if round >= WARM_UP {
                figures.push(figure);
            }
        }
    }
    figures.into_iter().map(median).collect()
}

/// The median.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
