"""The call desk: joins SIP, the store and the device plane where a call is concerned."""
