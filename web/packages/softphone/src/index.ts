/** The softphone's public door. */

export { Device } from './device';
export type {
  ConnectionState,
  ConnectOptions,
  DeviceEvents,
  DeviceOptions,
  DeviceState,
  PermissionChange,
} from './device';
export type { Call, CallEvents } from './call/call';
export type { CallStatus } from './call/phase';
export type { DeviceAudio } from './audio/device-audio';
export type { OutputDevices } from './audio/outputs';
export { SoftphoneError } from './errors';
export type { SoftphoneErrorCode } from './errors';
export type { QualitySample } from './quality/sample';
export type { WarningName } from './quality/warnings';
export { exponentialBackOff } from './signal/reconnect';
export type { ReconnectPolicy } from './signal/reconnect';
export { browserEnvironment } from './browser';
export type * from './environment';
export type {
  AgentRef,
  CallState,
  CallView,
  Direction,
  ErrorView,
  MediaMode,
  NumberView,
  PeerView,
  PermissionStatus,
  Presence,
  SilencedReason,
} from './protocol';
