//! What has to hold, a property a file. Those about single replies are asked by the clients as they go; the others judge
//! the recorded history, or what is left, when the run is over.

pub mod counter;
pub mod descriptors;
pub mod fairness;
pub mod linearizable;
pub mod patience;
pub mod replies;
pub mod stop;
