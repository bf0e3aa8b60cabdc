-- A platform of schema 2 as gatectl wrote it at commit 247e3fd: manifests.yaml applied, one repository more deleted, one made by hand.
BEGIN TRANSACTION;
CREATE TABLE api_keys (
	id VARCHAR(36) NOT NULL,
	workspace_id VARCHAR(36) NOT NULL,
	provider VARCHAR NOT NULL,
	"key" VARCHAR NOT NULL,
	secret_hash VARCHAR NOT NULL,
	endpoint VARCHAR,
	region VARCHAR,
	tenant_id VARCHAR,
	subscription_id VARCHAR,
	description VARCHAR,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
) WITHOUT ROWID;
INSERT INTO "api_keys" VALUES('01a22278-7d21-7a93-9b7c-6613488cbde2','00000000-0000-7000-8000-000000000001','AWS','AKIA','417ceed0b3905d3dfe2bd46dd8f24ea77fd402617852576a4738aa48245cad7d',NULL,NULL,NULL,NULL,'main','2026-11-28T14:04:11.425Z',1);
CREATE TABLE applied (
	project VARCHAR NOT NULL,
	object_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (project, object_id)
) WITHOUT ROWID;
INSERT INTO "applied" VALUES('estate','01a22278-810e-73c6-a48d-0628f301229d');
INSERT INTO "applied" VALUES('estate','01a22278-8130-75b2-8160-bb28c859ec0d');
INSERT INTO "applied" VALUES('estate','01a22278-8131-72c3-bb26-984d69d135f1');
INSERT INTO "applied" VALUES('estate','01a22278-8131-72fc-b792-867dbd0ff49c');
INSERT INTO "applied" VALUES('estate','01a22278-8132-7db3-bb81-cbb925925bbd');
INSERT INTO "applied" VALUES('estate','01a22278-816a-74e2-8a5b-6da9395ff941');
INSERT INTO "applied" VALUES('estate','01a22278-8201-7259-8f5d-3395d8f66021');
INSERT INTO "applied" VALUES('estate','01a22278-8202-73ef-9d91-be704a6ee939');
INSERT INTO "applied" VALUES('estate','01a22278-8234-7627-8bec-1f6ef8f12728');
INSERT INTO "applied" VALUES('estate','01a22278-8276-78dd-bc7e-33344e9442aa');
CREATE TABLE bucket_attachments (
	repository_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	bucket_id VARCHAR(36) NOT NULL,
	folder VARCHAR NOT NULL,
	folder_key VARCHAR NOT NULL,
	master BOOLEAN NOT NULL,
	mirror BOOLEAN NOT NULL,
	PRIMARY KEY (repository_id, position),
	FOREIGN KEY(repository_id) REFERENCES repositories (id),
	FOREIGN KEY(bucket_id) REFERENCES buckets (id)
) WITHOUT ROWID;
INSERT INTO "bucket_attachments" VALUES('01a22278-8202-73ef-9d91-be704a6ee939',0,'01a22278-8131-72fc-b792-867dbd0ff49c','','',0,0);
INSERT INTO "bucket_attachments" VALUES('01a22278-8202-73ef-9d91-be704a6ee939',1,'01a22278-8132-7db3-bb81-cbb925925bbd','/raw/','raw',0,0);
INSERT INTO "bucket_attachments" VALUES('01a22278-8234-7627-8bec-1f6ef8f12728',0,'01a22278-8130-75b2-8160-bb28c859ec0d','','',0,1);
INSERT INTO "bucket_attachments" VALUES('01a22278-8234-7627-8bec-1f6ef8f12728',1,'01a22278-8131-72c3-bb26-984d69d135f1','','',1,1);
CREATE TABLE buckets (
	id VARCHAR(36) NOT NULL,
	workspace_id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	bucket VARCHAR NOT NULL,
	storage_type VARCHAR NOT NULL,
	"key" VARCHAR,
	secret_hash VARCHAR,
	api_key_id VARCHAR(36),
	endpoint VARCHAR,
	region VARCHAR,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	deleted_at VARCHAR,
	PRIMARY KEY (id),
	FOREIGN KEY(workspace_id) REFERENCES workspaces (id),
	FOREIGN KEY(api_key_id) REFERENCES api_keys (id)
) WITHOUT ROWID;
INSERT INTO "buckets" VALUES('01a22278-8130-75b2-8160-bb28c859ec0d','00000000-0000-7000-8000-000000000001','copies','raw-copies','GCS','AKIA','417ceed0b3905d3dfe2bd46dd8f24ea77fd402617852576a4738aa48245cad7d',NULL,NULL,NULL,'2026-11-28T14:04:12.464Z',1,NULL);
INSERT INTO "buckets" VALUES('01a22278-8131-72c3-bb26-984d69d135f1','00000000-0000-7000-8000-000000000001','raw','raw-events','S3','AKIA','417ceed0b3905d3dfe2bd46dd8f24ea77fd402617852576a4738aa48245cad7d',NULL,NULL,'eu-west-1','2026-11-28T14:04:12.465Z',1,NULL);
INSERT INTO "buckets" VALUES('01a22278-8131-72fc-b792-867dbd0ff49c','00000000-0000-7000-8000-000000000001','logs','logs','BLOB','prodeustore','417ceed0b3905d3dfe2bd46dd8f24ea77fd402617852576a4738aa48245cad7d',NULL,NULL,NULL,'2026-11-28T14:04:12.465Z',1,NULL);
INSERT INTO "buckets" VALUES('01a22278-8132-7db3-bb81-cbb925925bbd','00000000-0000-7000-8000-000000000001','shared','shared-data','S3',NULL,NULL,'01a22278-7d21-7a93-9b7c-6613488cbde2','https://s3.example.com',NULL,'2026-11-28T14:04:12.466Z',1,NULL);
CREATE TABLE creations (
	"key" VARCHAR(255) NOT NULL,
	collection VARCHAR NOT NULL,
	object_id VARCHAR NOT NULL,
	form VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	PRIMARY KEY ("key")
) WITHOUT ROWID;
INSERT INTO "creations" VALUES('a-key','repo','01a22278-835a-71a5-9d0f-52c306d27665','758854815493aada17f558d2f3d198c6555fcc46bd84018a967af8a9e7cfdebf','2026-11-28T14:04:13.024Z');
CREATE TABLE gatectl_meta (
	name VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "gatectl_meta" VALUES('instance','01a22278-7cc1-7123-95e7-f52247021c24');
INSERT INTO "gatectl_meta" VALUES('seal','7972e9e50078515995b04af374f65ffdd14891c2cc4d8313e9ba5ad8bd303af3');
INSERT INTO "gatectl_meta" VALUES('schema','2');
INSERT INTO "gatectl_meta" VALUES('gatectl','0.1.0');
CREATE TABLE llm_attachments (
	repository_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	llm_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (repository_id, position),
	FOREIGN KEY(repository_id) REFERENCES repositories (id),
	FOREIGN KEY(llm_id) REFERENCES llms (id)
) WITHOUT ROWID;
INSERT INTO "llm_attachments" VALUES('01a22278-8276-78dd-bc7e-33344e9442aa',0,'01a22278-8201-7259-8f5d-3395d8f66021');
CREATE TABLE llms (
	id VARCHAR(36) NOT NULL,
	workspace_id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	ai_type VARCHAR NOT NULL,
	"key" VARCHAR,
	secret_hash VARCHAR,
	api_key_id VARCHAR(36),
	endpoint VARCHAR,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(workspace_id) REFERENCES workspaces (id),
	FOREIGN KEY(api_key_id) REFERENCES api_keys (id)
) WITHOUT ROWID;
INSERT INTO "llms" VALUES('01a22278-8201-7259-8f5d-3395d8f66021','01a22278-810e-73c6-a48d-0628f301229d','gpt','OPENAI',NULL,'417ceed0b3905d3dfe2bd46dd8f24ea77fd402617852576a4738aa48245cad7d',NULL,'https://api.example.com/v1','2026-11-28T14:04:12.673Z',1);
CREATE TABLE repositories (
	id VARCHAR(36) NOT NULL,
	workspace_id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	storage_type VARCHAR NOT NULL,
	mode VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	deleted_at VARCHAR,
	PRIMARY KEY (id),
	FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
) WITHOUT ROWID;
INSERT INTO "repositories" VALUES('01a22278-816a-74e2-8a5b-6da9395ff941','00000000-0000-7000-8000-000000000001','gone','S3','NORMAL','2026-11-28T14:04:12.522Z',2,'2026-11-28T14:04:13.015Z');
INSERT INTO "repositories" VALUES('01a22278-8202-73ef-9d91-be704a6ee939','00000000-0000-7000-8000-000000000001','data','S3','NORMAL','2026-11-28T14:04:12.674Z',1,NULL);
INSERT INTO "repositories" VALUES('01a22278-8234-7627-8bec-1f6ef8f12728','00000000-0000-7000-8000-000000000001','mirrored','S3','MIRROR','2026-11-28T14:04:12.725Z',1,NULL);
INSERT INTO "repositories" VALUES('01a22278-8276-78dd-bc7e-33344e9442aa','01a22278-810e-73c6-a48d-0628f301229d','assistant','OPENAI','NORMAL','2026-11-28T14:04:12.790Z',1,NULL);
INSERT INTO "repositories" VALUES('01a22278-835a-71a5-9d0f-52c306d27665','01a22278-810e-73c6-a48d-0628f301229d','by-hand','S3','NORMAL','2026-11-28T14:04:13.018Z',1,NULL);
CREATE TABLE repository_keys (
	id VARCHAR(36) NOT NULL,
	repository_id VARCHAR(36) NOT NULL,
	family VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	access VARCHAR NOT NULL,
	"key" VARCHAR,
	secret_hash VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	deleted_at VARCHAR,
	PRIMARY KEY (id),
	FOREIGN KEY(repository_id) REFERENCES repositories (id)
) WITHOUT ROWID;
INSERT INTO "repository_keys" VALUES('01a22278-8361-796b-801c-2abde585eb70','01a22278-835a-71a5-9d0f-52c306d27665','storage','reader','READ','GW02E3FDD98A14022A71','43834a847aca56872fa6f7e2cdf79b6bdadd5fba80d97324542a5fffb9fff723','2026-11-28T14:04:13.026Z',1,NULL);
CREATE TABLE workspaces (
	id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	deleted_at VARCHAR,
	PRIMARY KEY (id)
) WITHOUT ROWID;
INSERT INTO "workspaces" VALUES('00000000-0000-7000-8000-000000000001','default','2026-11-28T14:04:11.377Z',1,NULL);
INSERT INTO "workspaces" VALUES('01a22278-810e-73c6-a48d-0628f301229d','lab','2026-11-28T14:04:12.430Z',1,NULL);
CREATE INDEX creations_by_moment ON creations (created_at);
CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id);
CREATE UNIQUE INDEX repositories_by_name ON repositories (workspace_id, name) WHERE deleted_at IS NULL;
CREATE INDEX buckets_by_api_key ON buckets (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX buckets_by_workspace ON buckets (workspace_id);
CREATE UNIQUE INDEX llms_by_name ON llms (workspace_id, name);
CREATE INDEX llms_by_api_key ON llms (api_key_id) WHERE api_key_id IS NOT NULL;
CREATE INDEX repository_keys_by_repository ON repository_keys (repository_id);
CREATE UNIQUE INDEX bucket_attachments_by_folder ON bucket_attachments (bucket_id, folder_key);
CREATE INDEX llm_attachments_by_llm ON llm_attachments (llm_id);
COMMIT;
