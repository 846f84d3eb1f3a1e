//! `offhook bench …`: how quick this machine is.
