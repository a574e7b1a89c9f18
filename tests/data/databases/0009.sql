BEGIN TRANSACTION;
CREATE TABLE address_request (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	phone TEXT NOT NULL, 
	apartment_id TEXT NOT NULL, 
	has_handset BOOLEAN NOT NULL, 
	state VARCHAR(24) NOT NULL, 
	made_at_ms BIGINT NOT NULL, 
	settled_at_ms BIGINT, 
	CONSTRAINT pk_address_request PRIMARY KEY (id), 
	CONSTRAINT fk_address_request_apartment_id FOREIGN KEY(apartment_id) REFERENCES apartment (id) ON DELETE CASCADE, 
	CONSTRAINT fk_address_request_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT ck_address_request_state CHECK (state IN ('new', 'confirmed', 'closed', 'cancelled'))
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE answer (
	community_id TEXT NOT NULL, 
	mac TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	id TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_answer PRIMARY KEY (mac, kind, id), 
	CONSTRAINT fk_answer_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
CREATE TABLE apartment (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	building_id TEXT NOT NULL, 
	number TEXT NOT NULL, 
	name TEXT NOT NULL, 
	floor TEXT NOT NULL, 
	accessible_floors TEXT NOT NULL, 
	call_type INTEGER NOT NULL, 
	connection VARCHAR(24) NOT NULL, 
	web_relay INTEGER NOT NULL, 
	has_handset BOOLEAN NOT NULL, 
	whitelisted BOOLEAN NOT NULL, 
	network_group TEXT NOT NULL, 
	armed BOOLEAN NOT NULL, 
	service VARCHAR(24) NOT NULL, 
	service_since_ms BIGINT, 
	CONSTRAINT pk_apartment PRIMARY KEY (id), 
	CONSTRAINT ck_apartment_number CHECK (length(number) > 0 AND number NOT LIKE '#%'), 
	CONSTRAINT ck_apartment_call_type CHECK (call_type BETWEEN 0 AND 5), 
	CONSTRAINT ck_apartment_web_relay CHECK (web_relay BETWEEN 0 AND 65535), 
	CONSTRAINT fk_apartment_building_id FOREIGN KEY(building_id) REFERENCES building (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_apartment_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_apartment_building_id_number UNIQUE (building_id, number), 
	CONSTRAINT ck_apartment_connection CHECK (connection IN ('sip', 'ip')), 
	CONSTRAINT ck_apartment_service CHECK (service IN ('active', 'blocked', 'off'))
);
INSERT INTO "apartment" VALUES('a-12','c-park','b-1','12','','','["1", "B1"]',4,'sip',0,0,0,'',0,'active',NULL);
INSERT INTO "apartment" VALUES('a-13','c-park','b-1','13','','','["1", "B1"]',4,'sip',0,0,0,'',0,'active',NULL);
CREATE TABLE app_invite (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	resident_id TEXT NOT NULL, 
	secret_hash BLOB NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_app_invite PRIMARY KEY (id), 
	CONSTRAINT fk_app_invite_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_app_invite_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id) ON DELETE CASCADE, 
	CONSTRAINT uq_app_invite_secret_hash UNIQUE (secret_hash)
);
CREATE TABLE app_session (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	resident_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	public_key BLOB NOT NULL, 
	created_at_ms BIGINT NOT NULL, 
	seen_at_ms BIGINT, 
	push TEXT, 
	quiet_from TEXT NOT NULL, 
	quiet_until TEXT NOT NULL, 
	CONSTRAINT pk_app_session PRIMARY KEY (id), 
	CONSTRAINT ck_app_session_name CHECK (length(name) BETWEEN 1 AND 64), 
	CONSTRAINT fk_app_session_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_app_session_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id) ON DELETE CASCADE
);
CREATE TABLE area (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	passback VARCHAR(24) NOT NULL, 
	forget_h INTEGER NOT NULL, 
	era INTEGER NOT NULL, 
	CONSTRAINT pk_area PRIMARY KEY (id), 
	CONSTRAINT ck_area_forget_h CHECK (forget_h BETWEEN 0 AND 8760), 
	CONSTRAINT fk_area_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_area_community_id_name UNIQUE (community_id, name), 
	CONSTRAINT ck_area_passback CHECK (passback IN ('soft', 'hard'))
);
CREATE TABLE autop_line (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	scope VARCHAR(24) NOT NULL, 
	building_id TEXT, 
	device_id TEXT, 
	model TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value BLOB NOT NULL, 
	added_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_autop_line PRIMARY KEY (id), 
	CONSTRAINT fk_autop_line_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_autop_line_building_id FOREIGN KEY(building_id) REFERENCES building (id) ON DELETE CASCADE, 
	CONSTRAINT fk_autop_line_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE, 
	CONSTRAINT ck_autop_line_scope CHECK (scope IN ('community', 'public', 'building', 'model', 'device'))
);
INSERT INTO "autop_line" VALUES('l-1','c-park','device',NULL,'d-gate','','Config.Settings.HANDFREE.SpkVol',X'6868',1767268800000);
CREATE TABLE billing_account (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	login TEXT NOT NULL, 
	apartment_id TEXT, 
	address TEXT NOT NULL, 
	state VARCHAR(24) NOT NULL, 
	periodic_service BOOLEAN NOT NULL, 
	updated_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_billing_account PRIMARY KEY (id), 
	CONSTRAINT fk_billing_account_apartment_id FOREIGN KEY(apartment_id) REFERENCES apartment (id) ON DELETE SET NULL, 
	CONSTRAINT fk_billing_account_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT ck_billing_account_state CHECK (state IN ('active', 'blocked', 'off'))
);
CREATE TABLE binding (
	community_id TEXT NOT NULL, 
	sip_user TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	contact TEXT NOT NULL, 
	transport TEXT NOT NULL, 
	source TEXT NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	q FLOAT NOT NULL, 
	call_id TEXT NOT NULL, 
	cseq BIGINT NOT NULL, 
	instance TEXT NOT NULL, 
	reg_id INTEGER, 
	path TEXT NOT NULL, 
	user_agent TEXT NOT NULL, 
	updated_at_ms BIGINT NOT NULL, 
	extra TEXT NOT NULL, 
	CONSTRAINT pk_binding PRIMARY KEY (community_id, sip_user, "key"), 
	CONSTRAINT fk_binding_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
CREATE TABLE building (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_building PRIMARY KEY (id), 
	CONSTRAINT ck_building_name CHECK (length(name) BETWEEN 1 AND 128), 
	CONSTRAINT fk_building_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_building_community_id_name UNIQUE (community_id, name)
);
INSERT INTO "building" VALUES('b-1','c-park','1A');
CREATE TABLE call (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	caller TEXT NOT NULL, 
	dialled TEXT NOT NULL, 
	apartment_id TEXT, 
	apartment TEXT, 
	caller_device_id TEXT, 
	stages TEXT NOT NULL, 
	legs TEXT NOT NULL, 
	outcome VARCHAR(24), 
	reason VARCHAR(24), 
	status INTEGER, 
	answered_by INTEGER, 
	opened TEXT NOT NULL, 
	ended_by VARCHAR(24), 
	duration_ms BIGINT NOT NULL, media TEXT DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_call PRIMARY KEY (id), 
	CONSTRAINT fk_call_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT ck_call_outcome CHECK (outcome IN ('answered', 'no_answer', 'declined', 'busy', 'cancelled', 'refused', 'failed')), 
	CONSTRAINT ck_call_reason CHECK (reason IN ('blocked', 'not_connected', 'unknown', 'not_allowed')), 
	CONSTRAINT ck_call_ended_by CHECK (ended_by IN ('visitor', 'callee', 'edge'))
);
CREATE TABLE caller_whitelist (
	community_id TEXT NOT NULL, 
	number TEXT NOT NULL, 
	note TEXT NOT NULL, opens_device_id TEXT CONSTRAINT fk_caller_whitelist_opens_device_id REFERENCES device (id) ON DELETE SET NULL, 
	CONSTRAINT pk_caller_whitelist PRIMARY KEY (community_id, number), 
	CONSTRAINT fk_caller_whitelist_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
INSERT INTO "caller_whitelist" VALUES('c-park','+4930999','',NULL);
CREATE TABLE camera (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	rtsp_url TEXT NOT NULL, 
	user TEXT NOT NULL, 
	password BLOB, 
	device_id TEXT, 
	CONSTRAINT pk_camera PRIMARY KEY (id), 
	CONSTRAINT fk_camera_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_camera_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE SET NULL, 
	CONSTRAINT uq_camera_community_id_name UNIQUE (community_id, name)
);
CREATE TABLE change (
	community_id TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	id TEXT NOT NULL, 
	CONSTRAINT pk_change PRIMARY KEY (community_id, revision, kind, id), 
	CONSTRAINT fk_change_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
INSERT INTO "change" VALUES('c-park',1,'community','c-park');
CREATE TABLE community (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	street TEXT NOT NULL, 
	city TEXT NOT NULL, 
	post_code TEXT NOT NULL, 
	state TEXT NOT NULL, 
	country TEXT NOT NULL, 
	time_zone TEXT NOT NULL, 
	twelve_hour_clock BOOLEAN NOT NULL, 
	date_format VARCHAR(24) NOT NULL, 
	planned_apartments INTEGER NOT NULL, 
	"plan" VARCHAR(24) NOT NULL, 
	permission VARCHAR(24) NOT NULL, 
	pin_mode VARCHAR(24) NOT NULL, 
	community_calls BOOLEAN NOT NULL, 
	landline_service BOOLEAN NOT NULL, 
	home_automation BOOLEAN NOT NULL, 
	charge_mode VARCHAR(24) NOT NULL, 
	send_expiration_mail BOOLEAN NOT NULL, 
	send_renew_mail BOOLEAN NOT NULL, 
	emergency_numbers TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	CONSTRAINT pk_community PRIMARY KEY (id), 
	CONSTRAINT ck_community_landline_needs_premium CHECK (NOT landline_service OR (plan = 'premium' AND NOT home_automation)), 
	CONSTRAINT ck_community_name CHECK (length(name) BETWEEN 1 AND 128), 
	CONSTRAINT ck_community_date_format CHECK (date_format IN ('ymd', 'mdy', 'dmy')), 
	CONSTRAINT ck_community_plan CHECK ("plan" IN ('basic', 'premium')), 
	CONSTRAINT ck_community_permission CHECK (permission IN ('public_private', 'public_only')), 
	CONSTRAINT ck_community_pin_mode CHECK (pin_mode IN ('pin', 'apt_pin')), 
	CONSTRAINT ck_community_charge_mode CHECK (charge_mode IN ('manager', 'installer'))
);
INSERT INTO "community" VALUES('c-park','Park','','','','','','Europe/Berlin',0,'ymd',0,'premium','public_private','pin',0,0,0,'installer',0,0,'["112"]',1);
CREATE TABLE credential (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	tag BLOB NOT NULL, 
	pepper_id TEXT NOT NULL, 
	sealed BLOB, 
	bare BOOLEAN NOT NULL, 
	apartment_id TEXT NOT NULL, 
	resident_id TEXT, 
	valid_from_ms BIGINT, 
	valid_until_ms BIGINT, 
	schedule_id TEXT, 
	uses_left INTEGER, 
	duress BOOLEAN NOT NULL, 
	origin VARCHAR(24) NOT NULL, 
	home VARCHAR(24) NOT NULL, 
	hint TEXT NOT NULL, 
	created_at_ms BIGINT, consent_at_ms BIGINT, 
	CONSTRAINT pk_credential PRIMARY KEY (id), 
	CONSTRAINT ck_credential_duress CHECK (NOT duress OR kind = 'pin'), 
	CONSTRAINT ck_credential_tag CHECK (length(tag) = 32), 
	CONSTRAINT ck_credential_uses_left CHECK (uses_left >= 0), 
	CONSTRAINT ck_credential_validity CHECK (valid_from_ms < valid_until_ms), 
	CONSTRAINT fk_credential_apartment_id FOREIGN KEY(apartment_id) REFERENCES apartment (id) ON DELETE CASCADE, 
	CONSTRAINT fk_credential_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_credential_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id) ON DELETE CASCADE, 
	CONSTRAINT fk_credential_schedule_id FOREIGN KEY(schedule_id) REFERENCES schedule (id) ON DELETE RESTRICT, 
	CONSTRAINT ck_credential_kind CHECK (kind IN ('pin', 'rf_card', 'nfc', 'face', 'bluetooth', 'qr')), 
	CONSTRAINT ck_credential_origin CHECK (origin IN ('installer', 'manager', 'resident')), 
	CONSTRAINT ck_credential_home CHECK (home IN ('edge', 'panel', 'both'))
);
INSERT INTO "credential" VALUES('k-card','c-park','rf_card',X'6363636363636363636363636363636363636363636363636363636363636363','',NULL,1,'a-12','r-anna',NULL,NULL,'s-work',NULL,0,'manager','edge','4F2A',NULL,NULL);
INSERT INTO "credential" VALUES('k-code','c-park','pin',X'7070707070707070707070707070707070707070707070707070707070707070','',NULL,1,'a-12',NULL,1772366400000,1772452800000,NULL,2,1,'installer','edge','',NULL,NULL);
CREATE TABLE credential_door (
	credential_id TEXT NOT NULL, 
	device_id TEXT NOT NULL, 
	CONSTRAINT pk_credential_door PRIMARY KEY (credential_id, device_id), 
	CONSTRAINT fk_credential_door_credential_id FOREIGN KEY(credential_id) REFERENCES credential (id) ON DELETE CASCADE
);
INSERT INTO "credential_door" VALUES('k-card','d-gate');
CREATE TABLE credential_door_group (
	credential_id TEXT NOT NULL, 
	group_id TEXT NOT NULL, 
	CONSTRAINT pk_credential_door_group PRIMARY KEY (credential_id, group_id), 
	CONSTRAINT fk_credential_door_group_credential_id FOREIGN KEY(credential_id) REFERENCES credential (id) ON DELETE CASCADE, 
	CONSTRAINT fk_credential_door_group_group_id FOREIGN KEY(group_id) REFERENCES door_group (id) ON DELETE RESTRICT
);
CREATE TABLE device (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	mac TEXT NOT NULL, 
	name TEXT NOT NULL, 
	type INTEGER NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	place VARCHAR(24) NOT NULL, 
	all_buildings BOOLEAN NOT NULL, 
	apartment_id TEXT, 
	network_group TEXT NOT NULL, 
	has_internet BOOLEAN NOT NULL, 
	works_offline BOOLEAN NOT NULL, 
	static_address TEXT NOT NULL, 
	arming BOOLEAN NOT NULL, 
	fire_group TEXT NOT NULL, 
	contact_display VARCHAR(24) NOT NULL, 
	connection VARCHAR(24) NOT NULL, 
	digest VARCHAR(24) NOT NULL, 
	sip_user TEXT NOT NULL, 
	sip_password BLOB NOT NULL, 
	mqtt_password BLOB NOT NULL, schedule_id TEXT CONSTRAINT fk_device_schedule_id REFERENCES schedule (id) ON DELETE RESTRICT, open_schedule_id TEXT CONSTRAINT fk_device_open_schedule_id REFERENCES schedule (id) ON DELETE RESTRICT, interlock TEXT DEFAULT '' NOT NULL, area_id TEXT CONSTRAINT fk_device_area_id REFERENCES area (id) ON DELETE RESTRICT, area_side VARCHAR(24) CONSTRAINT ck_device_area_side CHECK (area_side IN ('entry', 'exit')), 
	CONSTRAINT pk_device PRIMARY KEY (id), 
	CONSTRAINT ck_device_apartment_of_a_private_device CHECK ((place = 'apartment') = (apartment_id IS NOT NULL)), 
	CONSTRAINT ck_device_sip_user CHECK (length(sip_user) = 8 AND sip_user BETWEEN '10000000' AND '49999999'), 
	CONSTRAINT ck_device_mac CHECK (length(mac) = 12), 
	CONSTRAINT ck_device_type CHECK (type IN (0, 1, 2, 3, 50)), 
	CONSTRAINT fk_device_apartment_id FOREIGN KEY(apartment_id) REFERENCES apartment (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_device_community_id_mac FOREIGN KEY(community_id, mac) REFERENCES mac_library (community_id, mac) ON DELETE RESTRICT, 
	CONSTRAINT fk_device_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_device_community_id_mac UNIQUE (community_id, mac), 
	CONSTRAINT uq_device_community_id_sip_user UNIQUE (community_id, sip_user), 
	CONSTRAINT ck_device_place CHECK (place IN ('public', 'building', 'apartment')), 
	CONSTRAINT ck_device_contact_display CHECK (contact_display IN ('apartments', 'monitors_and_apps', 'all')), 
	CONSTRAINT ck_device_connection CHECK (connection IN ('tcp', 'udp', 'tls')), 
	CONSTRAINT ck_device_digest CHECK (digest IN ('both', 'sha256', 'md5'))
);
INSERT INTO "device" VALUES('d-gate','c-park','0c11050b9814','Gate',0,1,'public',0,NULL,'',1,0,'',0,'','all','udp','both','10000001',X'01397F720757CB6460047BF9A9EE47D11ABE7FA4603B59AC8A80D106437A65B03FBD7C49781A0B8ED4FD5E1AF9F8306F62073E7994AFD566F3753248D0',X'01C9B9A0E19BFB85E898071A264F47443268E672C6C46A9E602EE9B41F30CBCBFEA90170A38A1F46F5531EF08FCA55120C8E66A9CF438A48FF2219DA8A',NULL,NULL,'',NULL,NULL);
INSERT INTO "device" VALUES('d-monitor','c-park','0c11050893c6','Living Room',2,1,'apartment',1,'a-12','',1,0,'',0,'','all','udp','both','10000002',X'018699E36BEAED02A1A247CAEF6752CC61DF07940C12DFA8CCBD457C44B0D6016DEDE8E16EFEEA0ACEC25EF130804DF25BB6C7DBA71B22F96CCC96D4E9',X'01C158F2C98584456A17AE1C6D4F8ACE7D1CA3E32CA8420F57988B58DA3A3171C5A062A609A742D799E74F4213765DE1C3FC7D70C67BF46BF03BB84BD4',NULL,NULL,'',NULL,NULL);
CREATE TABLE device_building (
	device_id TEXT NOT NULL, 
	building_id TEXT NOT NULL, 
	CONSTRAINT pk_device_building PRIMARY KEY (device_id, building_id), 
	CONSTRAINT fk_device_building_building_id FOREIGN KEY(building_id) REFERENCES building (id) ON DELETE CASCADE, 
	CONSTRAINT fk_device_building_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);
INSERT INTO "device_building" VALUES('d-gate','b-1');
CREATE TABLE device_state (
	device_id TEXT NOT NULL, 
	online BOOLEAN NOT NULL, 
	online_since_ms BIGINT, 
	seen_at_ms BIGINT, 
	hello_at_ms BIGINT, 
	model TEXT NOT NULL, 
	firmware TEXT NOT NULL, 
	ip TEXT NOT NULL, 
	relays INTEGER, 
	clock_offset_ms BIGINT NOT NULL, 
	digest_fallback BOOLEAN NOT NULL, 
	revision_wanted BIGINT, 
	revision_confirmed BIGINT, 
	revision_confirmed_at_ms BIGINT, door_open BOOLEAN, config_digest TEXT DEFAULT '' NOT NULL, config_since_ms BIGINT, panel_wanted BIGINT, panel_confirmed BIGINT, panel_since_ms BIGINT, 
	CONSTRAINT pk_device_state PRIMARY KEY (device_id), 
	CONSTRAINT fk_device_state_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);
CREATE TABLE door_group (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_door_group PRIMARY KEY (id), 
	CONSTRAINT fk_door_group_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_door_group_community_id_name UNIQUE (community_id, name)
);
CREATE TABLE door_group_member (
	group_id TEXT NOT NULL, 
	device_id TEXT NOT NULL, 
	CONSTRAINT pk_door_group_member PRIMARY KEY (group_id, device_id), 
	CONSTRAINT fk_door_group_member_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE, 
	CONSTRAINT fk_door_group_member_group_id FOREIGN KEY(group_id) REFERENCES door_group (id) ON DELETE CASCADE
);
CREATE TABLE door_order (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	device_id TEXT, 
	building_id TEXT, 
	until_ms BIGINT, 
	at_ms BIGINT NOT NULL, 
	ordered_by TEXT NOT NULL, 
	CONSTRAINT pk_door_order PRIMARY KEY (id), 
	CONSTRAINT ck_door_order_one_scope CHECK (device_id IS NULL OR building_id IS NULL), 
	CONSTRAINT fk_door_order_building_id FOREIGN KEY(building_id) REFERENCES building (id) ON DELETE CASCADE, 
	CONSTRAINT fk_door_order_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_door_order_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE, 
	CONSTRAINT ck_door_order_kind CHECK (kind IN ('hold_open', 'lock_down'))
);
CREATE TABLE enrolment (
	community_id TEXT NOT NULL, 
	central_url TEXT NOT NULL, 
	edge_id TEXT NOT NULL, 
	private_key BLOB NOT NULL, 
	central_public_key BLOB NOT NULL, 
	epoch TEXT NOT NULL, 
	cursor BIGINT NOT NULL, 
	last_ok_ms BIGINT, 
	last_error TEXT NOT NULL, 
	enrolled_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_enrolment PRIMARY KEY (community_id), 
	CONSTRAINT fk_enrolment_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
CREATE TABLE firmware (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version TEXT NOT NULL, 
	log TEXT NOT NULL, 
	file TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	uploaded_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_firmware PRIMARY KEY (id), 
	CONSTRAINT fk_firmware_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_firmware_community_id_model_version UNIQUE (community_id, model, version)
);
CREATE TABLE holiday (
	community_id TEXT NOT NULL, 
	day TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_holiday PRIMARY KEY (community_id, day), 
	CONSTRAINT fk_holiday_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
CREATE TABLE journal (
	seq INTEGER NOT NULL, 
	community_id TEXT NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	id TEXT NOT NULL, 
	device_id TEXT, 
	mac TEXT, 
	door TEXT, 
	device_at_ms BIGINT, 
	method VARCHAR(24), 
	outcome VARCHAR(24), 
	reason VARCHAR(24), 
	apartment_id TEXT, 
	apartment TEXT, 
	resident_id TEXT, 
	resident TEXT, 
	credential_id TEXT, 
	relays TEXT NOT NULL, 
	duress BOOLEAN NOT NULL, 
	detail TEXT NOT NULL, 
	prev BLOB NOT NULL, 
	hash BLOB NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (seq), 
	CONSTRAINT ck_journal_kind CHECK (kind IN ('access', 'ring', 'call', 'device', 'alarm', 'audit')), 
	CONSTRAINT ck_journal_method CHECK (method IN ('pin', 'apt_pin', 'rf_card', 'nfc', 'face', 'bluetooth', 'qr', 'dtmf', 'app_home', 'app_talk', 'exit_button', 'fire', 'guard', 'remote')), 
	CONSTRAINT ck_journal_outcome CHECK (outcome IN ('granted', 'denied')), 
	CONSTRAINT ck_journal_reason CHECK (reason IN ('granted', 'device_unknown', 'too_late', 'device_disabled', 'locked_out', 'method_not_on_relay', 'plan', 'unknown_credential', 'ambiguous', 'door_not_served', 'permission', 'not_yet_valid', 'expired', 'outside_schedule', 'uses_spent', 'service_blocked', 'service_off', 'app_expired', 'not_in_call', 'not_allowed'))
);
INSERT INTO "journal" VALUES(1,'c-park','access',1772366400000,'','d-gate','0c11050b9814','Gate',NULL,'pin','granted','granted','a-12','1A/12',NULL,NULL,NULL,'["1"]',0,'{}',X'0000000000000000000000000000000000000000000000000000000000000000',X'01AF1BD3F18E8F75C13458F9C251212BF95106F375541A0D5A800FC9DAF8939B');
INSERT INTO "journal" VALUES(2,'c-park','audit',1772366400000,'',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]',0,'{"action": "credential.add", "by": "installer"}',X'01AF1BD3F18E8F75C13458F9C251212BF95106F375541A0D5A800FC9DAF8939B',X'C04109A259E5183B0039120F745764093E4EF701A18BC77034E8B5CDB0C93B6F');
CREATE TABLE landline (
	apartment_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	number TEXT NOT NULL, 
	CONSTRAINT pk_landline PRIMARY KEY (apartment_id, position), 
	CONSTRAINT ck_landline_position CHECK (position BETWEEN 1 AND 3), 
	CONSTRAINT fk_landline_apartment_id FOREIGN KEY(apartment_id) REFERENCES apartment (id) ON DELETE CASCADE
);
INSERT INTO "landline" VALUES('a-12',2,'+4930200');
INSERT INTO "landline" VALUES('a-12',1,'+4930100');
CREATE TABLE lockout (
	device_id TEXT NOT NULL, 
	apartment_id TEXT NOT NULL, 
	wrong_at_ms TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	locked_until_ms BIGINT, 
	CONSTRAINT pk_lockout PRIMARY KEY (device_id, apartment_id), 
	CONSTRAINT fk_lockout_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);
INSERT INTO "lockout" VALUES('d-gate','','[1772366400000]',1,1772366430000);
CREATE TABLE mac_library (
	community_id TEXT NOT NULL, 
	mac TEXT NOT NULL, 
	added_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_mac_library PRIMARY KEY (community_id, mac), 
	CONSTRAINT ck_mac_library_mac CHECK (length(mac) = 12), 
	CONSTRAINT fk_mac_library_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
INSERT INTO "mac_library" VALUES('c-park','0c11050b9814',0);
INSERT INTO "mac_library" VALUES('c-park','0c11050893c6',0);
CREATE TABLE mqtt_login (
	community_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	password BLOB NOT NULL, 
	CONSTRAINT pk_mqtt_login PRIMARY KEY (community_id, name), 
	CONSTRAINT ck_mqtt_login_name CHECK (length(name) BETWEEN 1 AND 64), 
	CONSTRAINT fk_mqtt_login_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
CREATE TABLE outbox (
	seq INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	type TEXT NOT NULL, 
	body TEXT NOT NULL, 
	CONSTRAINT pk_outbox PRIMARY KEY (seq)
);
CREATE TABLE panel_credential (
	device_id TEXT NOT NULL, 
	credential_id TEXT NOT NULL, 
	wanted TEXT, 
	confirmed TEXT, 
	CONSTRAINT pk_panel_credential PRIMARY KEY (device_id, credential_id), 
	CONSTRAINT fk_panel_credential_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);
CREATE TABLE provision_token (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	device_id TEXT NOT NULL, 
	secret_hash BLOB NOT NULL, 
	expires_at_ms BIGINT NOT NULL, 
	address TEXT NOT NULL, 
	used_at_ms BIGINT, 
	CONSTRAINT pk_provision_token PRIMARY KEY (id), 
	CONSTRAINT fk_provision_token_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_provision_token_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE, 
	CONSTRAINT uq_provision_token_secret_hash UNIQUE (secret_hash)
);
INSERT INTO "provision_token" VALUES('t-1','c-park','d-gate',X'6868686868686868686868686868686868686868686868686868686868686868',1767268800000,'',NULL);
CREATE TABLE provisioned_file (
	device_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	shown TEXT NOT NULL, 
	fetched_at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_provisioned_file PRIMARY KEY (device_id, path), 
	CONSTRAINT fk_provisioned_file_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);
INSERT INTO "provisioned_file" VALUES('d-gate','0C1105000001.cfg','abababababababababababababababababababababababababababababababab','Config.Account1.GENERAL.Pwd = ********',1767268800000);
CREATE TABLE relay (
	id TEXT NOT NULL, 
	device_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	security BOOLEAN NOT NULL, 
	name TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	methods TEXT NOT NULL, 
	hold_s INTEGER NOT NULL, 
	dtmf TEXT NOT NULL, schedule_id TEXT CONSTRAINT fk_relay_schedule_id REFERENCES schedule (id) ON DELETE RESTRICT, two_factor BOOLEAN DEFAULT FALSE NOT NULL, trigger_s INTEGER DEFAULT 0 NOT NULL CONSTRAINT ck_relay_trigger_s CHECK (trigger_s BETWEEN 0 AND 10), 
	CONSTRAINT pk_relay PRIMARY KEY (id), 
	CONSTRAINT ck_relay_hold_s CHECK (hold_s BETWEEN 1 AND 60), 
	CONSTRAINT ck_relay_number CHECK (number BETWEEN 1 AND 4), 
	CONSTRAINT fk_relay_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE, 
	CONSTRAINT uq_relay_device_id_security_number UNIQUE (device_id, security, number)
);
INSERT INTO "relay" VALUES('y-1','d-gate',1,0,'',1,'pin,rf_card',3,'1',NULL,0,0);
INSERT INTO "relay" VALUES('y-2','d-gate',1,1,'',0,'',5,'',NULL,0,0);
CREATE TABLE resident (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	first_name TEXT NOT NULL, 
	last_name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	mobile TEXT NOT NULL, 
	language TEXT NOT NULL, 
	login TEXT NOT NULL, 
	app_registered BOOLEAN NOT NULL, 
	activation VARCHAR(24) NOT NULL, 
	activation_until_ms BIGINT, 
	sip_user TEXT NOT NULL, 
	sip_password BLOB NOT NULL, 
	CONSTRAINT pk_resident PRIMARY KEY (id), 
	CONSTRAINT ck_resident_sip_user CHECK (length(sip_user) = 8 AND sip_user BETWEEN '50000000' AND '99999999'), 
	CONSTRAINT ck_resident_name CHECK (length(first_name) <= 64 AND length(last_name) <= 64), 
	CONSTRAINT fk_resident_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_resident_community_id_sip_user UNIQUE (community_id, sip_user), 
	CONSTRAINT ck_resident_activation CHECK (activation IN ('inactive', 'active', 'expired'))
);
INSERT INTO "resident" VALUES('r-anna','c-park','Anna','Weiß','','','en','',0,'active',NULL,'50000001',X'0108728C77C5292766C4BF450D5B59A7A7E73B2F296B8AB64B92404AF63481F9A1118B57E3D9395D4EE05F78D1C75F9E80E92700920C5C09F17E249554');
CREATE TABLE resident_apartment (
	resident_id TEXT NOT NULL, 
	apartment_id TEXT NOT NULL, 
	role VARCHAR(24) NOT NULL, 
	CONSTRAINT pk_resident_apartment PRIMARY KEY (resident_id, apartment_id), 
	CONSTRAINT fk_resident_apartment_apartment_id FOREIGN KEY(apartment_id) REFERENCES apartment (id) ON DELETE CASCADE, 
	CONSTRAINT fk_resident_apartment_resident_id FOREIGN KEY(resident_id) REFERENCES resident (id) ON DELETE CASCADE, 
	CONSTRAINT ck_resident_apartment_role CHECK (role IN ('master', 'member'))
);
INSERT INTO "resident_apartment" VALUES('r-anna','a-12','master');
CREATE TABLE schedule (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_schedule PRIMARY KEY (id), 
	CONSTRAINT fk_schedule_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT uq_schedule_community_id_name UNIQUE (community_id, name)
);
INSERT INTO "schedule" VALUES('s-work','c-park','Work');
CREATE TABLE schedule_day (
	schedule_id TEXT NOT NULL, 
	day TEXT NOT NULL, 
	spans TEXT NOT NULL, 
	CONSTRAINT pk_schedule_day PRIMARY KEY (schedule_id, day), 
	CONSTRAINT fk_schedule_day_schedule_id FOREIGN KEY(schedule_id) REFERENCES schedule (id) ON DELETE CASCADE
);
CREATE TABLE schedule_row (
	schedule_id TEXT NOT NULL, 
	weekday INTEGER NOT NULL, 
	from_minute INTEGER NOT NULL, 
	to_minute INTEGER NOT NULL, 
	CONSTRAINT pk_schedule_row PRIMARY KEY (schedule_id, weekday, from_minute, to_minute), 
	CONSTRAINT ck_schedule_row_from_minute CHECK (from_minute BETWEEN 0 AND 1439), 
	CONSTRAINT ck_schedule_row_to_minute CHECK (to_minute BETWEEN 0 AND 1440), 
	CONSTRAINT ck_schedule_row_weekday CHECK (weekday BETWEEN 0 AND 6), 
	CONSTRAINT fk_schedule_row_schedule_id FOREIGN KEY(schedule_id) REFERENCES schedule (id) ON DELETE CASCADE
);
INSERT INTO "schedule_row" VALUES('s-work',0,480,1080);
CREATE TABLE staging (
	position INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	id TEXT NOT NULL, 
	rev BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	page INTEGER NOT NULL, 
	CONSTRAINT pk_staging PRIMARY KEY (position)
);
CREATE TABLE store_state (
	id INTEGER NOT NULL, 
	db_id TEXT NOT NULL, 
	journal_seq BIGINT NOT NULL, 
	journal_hash BLOB NOT NULL, 
	journal_erased BIGINT NOT NULL, 
	outbox_seq BIGINT NOT NULL, key_id TEXT DEFAULT '' NOT NULL, pepper_id TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_store_state PRIMARY KEY (id), 
	CONSTRAINT ck_store_state_one_row CHECK (id = 1)
);
INSERT INTO "store_state" VALUES(1,'46e8d7d27673ffe0',2,X'C04109A259E5183B0039120F745764093E4EF701A18BC77034E8B5CDB0C93B6F',0,0,'','');
CREATE TABLE sync_item (
	community_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	id TEXT NOT NULL, 
	rev BIGINT NOT NULL, central_id TEXT DEFAULT '' NOT NULL, uses INTEGER, 
	CONSTRAINT pk_sync_item PRIMARY KEY (community_id, kind, id), 
	CONSTRAINT fk_sync_item_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE
);
CREATE TABLE upgrade_job (
	id TEXT NOT NULL, 
	community_id TEXT NOT NULL, 
	firmware_id TEXT NOT NULL, 
	at_ms BIGINT NOT NULL, 
	until_ms BIGINT NOT NULL, 
	reset_after BOOLEAN NOT NULL, 
	at_once INTEGER NOT NULL, 
	stop_after INTEGER NOT NULL, 
	state VARCHAR(24) NOT NULL, 
	CONSTRAINT pk_upgrade_job PRIMARY KEY (id), 
	CONSTRAINT ck_upgrade_job_at_once CHECK (at_once BETWEEN 1 AND 100), 
	CONSTRAINT ck_upgrade_job_stop_after CHECK (stop_after BETWEEN 1 AND 10000), 
	CONSTRAINT fk_upgrade_job_community_id FOREIGN KEY(community_id) REFERENCES community (id) ON DELETE CASCADE, 
	CONSTRAINT fk_upgrade_job_firmware_id FOREIGN KEY(firmware_id) REFERENCES firmware (id) ON DELETE RESTRICT, 
	CONSTRAINT ck_upgrade_job_state CHECK (state IN ('pending', 'processing', 'executed', 'failed', 'cancelled'))
);
CREATE TABLE upgrade_job_device (
	job_id TEXT NOT NULL, 
	device_id TEXT NOT NULL, 
	state VARCHAR(24) NOT NULL, 
	sent_at_ms BIGINT, 
	done_at_ms BIGINT, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_upgrade_job_device PRIMARY KEY (job_id, device_id), 
	CONSTRAINT fk_upgrade_job_device_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE, 
	CONSTRAINT fk_upgrade_job_device_job_id FOREIGN KEY(job_id) REFERENCES upgrade_job (id) ON DELETE CASCADE, 
	CONSTRAINT ck_upgrade_job_device_state CHECK (state IN ('waiting', 'sent', 'done', 'failed'))
);
CREATE TABLE visitor_pass (
	credential_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	purpose VARCHAR(24) NOT NULL, 
	CONSTRAINT pk_visitor_pass PRIMARY KEY (credential_id), 
	CONSTRAINT fk_visitor_pass_credential_id FOREIGN KEY(credential_id) REFERENCES credential (id) ON DELETE CASCADE, 
	CONSTRAINT ck_visitor_pass_purpose CHECK (purpose IN ('visit', 'delivery'))
);
CREATE TABLE whereabouts (
	holder TEXT NOT NULL, 
	area_id TEXT NOT NULL, 
	inside BOOLEAN NOT NULL, 
	era INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	CONSTRAINT pk_whereabouts PRIMARY KEY (holder, area_id), 
	CONSTRAINT fk_whereabouts_area_id FOREIGN KEY(area_id) REFERENCES area (id) ON DELETE CASCADE
);
CREATE INDEX ix_journal_apartment ON journal (apartment_id, seq);
CREATE INDEX ix_journal_device ON journal (device_id, seq);
CREATE INDEX ix_journal_kind_at ON journal (kind, at_ms);
CREATE INDEX ix_staging_thing ON staging (token, kind, id);
CREATE INDEX ix_answer_at_ms ON answer (at_ms);
CREATE INDEX ix_binding_expires_at_ms ON binding (expires_at_ms);
CREATE INDEX ix_call_apartment ON call (apartment_id, at_ms);
CREATE INDEX ix_call_at_ms ON call (at_ms);
CREATE INDEX ix_apartment_community_id ON apartment (community_id);
CREATE INDEX ix_address_request_community_id ON address_request (community_id);
CREATE INDEX ix_address_request_phone ON address_request (phone);
CREATE INDEX ix_billing_account_community_id ON billing_account (community_id);
CREATE INDEX ix_billing_account_login ON billing_account (login);
CREATE INDEX ix_credential_apartment_id ON credential (apartment_id);
CREATE INDEX ix_credential_resident_id ON credential (resident_id);
CREATE INDEX ix_credential_schedule_id ON credential (schedule_id);
CREATE INDEX ix_credential_tag ON credential (community_id, kind, tag);
CREATE INDEX ix_device_apartment_id ON device (apartment_id);
CREATE UNIQUE INDEX ux_device_one_works_offline ON device (apartment_id) WHERE works_offline;
CREATE INDEX ix_resident_apartment_apartment_id ON resident_apartment (apartment_id);
CREATE UNIQUE INDEX ux_resident_apartment_one_master ON resident_apartment (apartment_id) WHERE role = 'master';
CREATE INDEX ix_device_building_building_id ON device_building (building_id);
CREATE INDEX ix_credential_door_group_group_id ON credential_door_group (group_id);
CREATE INDEX ix_credential_at_panels ON credential (community_id) WHERE home <> 'edge';
CREATE INDEX ix_app_invite_resident_id ON app_invite (resident_id);
CREATE INDEX ix_app_session_resident_id ON app_session (resident_id);
CREATE INDEX ix_provision_token_device_id ON provision_token (device_id);
CREATE INDEX ix_autop_line_community_id ON autop_line (community_id);
CREATE INDEX ix_autop_line_building_id ON autop_line (building_id);
CREATE INDEX ix_autop_line_device_id ON autop_line (device_id);
COMMIT;
