//! What has to hold, a property a file. Those about single replies are asked by the clients as they go; the others check
//! the recorded history, or what is left, when the run is over.

pub mod counter;
pub mod descriptors;
pub mod fairness;
pub mod idle;
pub mod linearizable;
pub mod replies;
pub mod stop;
