//! Behaviour of the house, through public doors only: the real binary, real browsers, other people's
//! WebRTC stacks, the simulator. Nothing here sees a private item.

mod stage;

mod agent;

mod browser;

mod crash;

mod doors;

mod peers;

mod privacy;

mod tidy;
