//! Faults that no engine produces on demand: a scripted engine answers, and the client must not believe it.

#![cfg(unix)]

#[cfg(test)]
mod builds;
#[cfg(test)]
mod cancels;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod hostile_texts;
#[cfg(test)]
mod pull_answers;
#[cfg(test)]
mod pull_cuts;
#[cfg(test)]
mod pull_stalls;
#[cfg(test)]
mod watching;
