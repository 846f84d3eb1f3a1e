/** The softphone's public door. */

export { Device } from './device';
export type {
  Colleagues,
  ConnectionState,
  ConnectOptions,
  DeviceEvents,
  DeviceOptions,
  DeviceState,
  PermissionChange,
} from './device';
export type { Call, CallEvents, Invitation } from './call/call';
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
  ColleagueView,
  ContactChange,
  Direction,
  ErrorView,
  LeftReason,
  MediaMode,
  NumberView,
  PartyRole,
  PartyView,
  PeerView,
  PermissionStatus,
  PermissionView,
  Presence,
  QualityView,
  RecordingState,
  RecordingView,
  SeekPurpose,
  SeekView,
  SilencedReason,
  Supervision,
  TableView,
  To,
} from './protocol';
