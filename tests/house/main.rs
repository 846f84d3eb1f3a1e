//! Behaviour of the house, through public doors only: the real binary, real browsers, other people's
//! WebRTC stacks, the simulator. Nothing here sees a private item.

#[cfg(test)]
mod stage;

#[cfg(test)]
mod agent;

#[cfg(test)]
mod browser;

#[cfg(test)]
mod crash;

#[cfg(test)]
mod doors;

#[cfg(test)]
mod peers;

#[cfg(test)]
mod privacy;

#[cfg(test)]
mod tidy;
