-- A platform of schema 1 as gatectl wrote it at commit f9961bb: manifests.yaml applied, one repository more deleted by --prune, one made by hand.
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
INSERT INTO "api_keys" VALUES('01a221ab-c40f-79a0-bc5c-15cb6b663069','00000000-0000-7000-8000-000000000001','AWS','AKIA','fcc3b9d011af2fd7ab62f9fa9eddb6f689d8856eeaba151eb30564a8d0761d8c',NULL,NULL,NULL,NULL,'main','2026-11-28T10:20:34.703Z',1);
CREATE TABLE applied (
	project VARCHAR NOT NULL,
	object_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (project, object_id)
) WITHOUT ROWID;
INSERT INTO "applied" VALUES('estate','01a221ab-cd87-78da-beb0-2327532e5efb');
INSERT INTO "applied" VALUES('estate','01a221ab-cd89-7faf-80b0-06b474f22920');
INSERT INTO "applied" VALUES('estate','01a221ab-cd8a-76cc-a278-341bfa9cd23e');
INSERT INTO "applied" VALUES('estate','01a221ab-cd8a-7a22-8c86-8cbef40ec843');
INSERT INTO "applied" VALUES('estate','01a221ab-cd93-72d6-a007-33dd07a902ab');
INSERT INTO "applied" VALUES('estate','01a221ab-cd95-74a3-a394-d51d33744710');
INSERT INTO "applied" VALUES('estate','01a221ab-cdaa-7659-b2fc-8fcc9cdf0ca5');
INSERT INTO "applied" VALUES('estate','01a221ab-cdb3-7a35-bc9f-8632c510c494');
INSERT INTO "applied" VALUES('estate','01a221ab-cdb6-7f56-9e5c-a728b34e0482');
INSERT INTO "applied" VALUES('estate','01a221ab-cdd9-7316-993a-0fb9b052777e');
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
INSERT INTO "bucket_attachments" VALUES('01a221ab-cdb3-7a35-bc9f-8632c510c494',0,'01a221ab-cd8a-76cc-a278-341bfa9cd23e','','',0,0);
INSERT INTO "bucket_attachments" VALUES('01a221ab-cdb3-7a35-bc9f-8632c510c494',1,'01a221ab-cd93-72d6-a007-33dd07a902ab','/raw/','raw',0,0);
INSERT INTO "bucket_attachments" VALUES('01a221ab-cdb6-7f56-9e5c-a728b34e0482',0,'01a221ab-cd89-7faf-80b0-06b474f22920','','',0,1);
INSERT INTO "bucket_attachments" VALUES('01a221ab-cdb6-7f56-9e5c-a728b34e0482',1,'01a221ab-cd8a-7a22-8c86-8cbef40ec843','','',1,1);
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
INSERT INTO "buckets" VALUES('01a221ab-cd89-7faf-80b0-06b474f22920','00000000-0000-7000-8000-000000000001','copies','raw-copies','GCS','AKIA','fcc3b9d011af2fd7ab62f9fa9eddb6f689d8856eeaba151eb30564a8d0761d8c',NULL,NULL,NULL,'2026-11-28T10:20:37.129Z',1,NULL);
INSERT INTO "buckets" VALUES('01a221ab-cd8a-76cc-a278-341bfa9cd23e','00000000-0000-7000-8000-000000000001','logs','logs','BLOB','prodeustore','fcc3b9d011af2fd7ab62f9fa9eddb6f689d8856eeaba151eb30564a8d0761d8c',NULL,NULL,NULL,'2026-11-28T10:20:37.130Z',1,NULL);
INSERT INTO "buckets" VALUES('01a221ab-cd8a-7a22-8c86-8cbef40ec843','00000000-0000-7000-8000-000000000001','raw','raw-events','S3','AKIA','fcc3b9d011af2fd7ab62f9fa9eddb6f689d8856eeaba151eb30564a8d0761d8c',NULL,NULL,'eu-west-1','2026-11-28T10:20:37.130Z',1,NULL);
INSERT INTO "buckets" VALUES('01a221ab-cd93-72d6-a007-33dd07a902ab','00000000-0000-7000-8000-000000000001','shared','shared-data','S3',NULL,NULL,'01a221ab-c40f-79a0-bc5c-15cb6b663069','https://s3.example.com',NULL,'2026-11-28T10:20:37.139Z',1,NULL);
CREATE TABLE creations (
	"key" VARCHAR(255) NOT NULL,
	collection VARCHAR NOT NULL,
	object_id VARCHAR NOT NULL,
	form VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	PRIMARY KEY ("key")
) WITHOUT ROWID;
INSERT INTO "creations" VALUES('a-key','repo','01a221ab-da67-79a6-9ff9-a63ba4b9035e','bb4ce1e3f04953f2cba5cf9963cb9141aa7a0d62059d1ec9d76c2162fd9d7f73','2026-11-28T10:20:40.425Z');
CREATE TABLE gatectl_meta (
	name VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "gatectl_meta" VALUES('schema','1');
INSERT INTO "gatectl_meta" VALUES('instance','01a221ab-c3df-7fcb-b977-a1f74234d84b');
INSERT INTO "gatectl_meta" VALUES('seal','20f50d289a227a46efc9a04a1cdee56abd047af0b1421fdbcb38f665595d1122');
CREATE TABLE llm_attachments (
	repository_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	llm_id VARCHAR(36) NOT NULL,
	PRIMARY KEY (repository_id, position),
	FOREIGN KEY(repository_id) REFERENCES repositories (id),
	FOREIGN KEY(llm_id) REFERENCES llms (id)
) WITHOUT ROWID;
INSERT INTO "llm_attachments" VALUES('01a221ab-cdd9-7316-993a-0fb9b052777e',0,'01a221ab-cdaa-7659-b2fc-8fcc9cdf0ca5');
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
INSERT INTO "llms" VALUES('01a221ab-cdaa-7659-b2fc-8fcc9cdf0ca5','01a221ab-cd87-78da-beb0-2327532e5efb','gpt','OPENAI',NULL,'fcc3b9d011af2fd7ab62f9fa9eddb6f689d8856eeaba151eb30564a8d0761d8c',NULL,'https://api.example.com/v1','2026-11-28T10:20:37.162Z',1);
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
INSERT INTO "repositories" VALUES('01a221ab-cd95-74a3-a394-d51d33744710','00000000-0000-7000-8000-000000000001','gone','S3','NORMAL','2026-11-28T10:20:37.141Z',2,'2026-11-28T10:20:40.013Z');
INSERT INTO "repositories" VALUES('01a221ab-cdb3-7a35-bc9f-8632c510c494','00000000-0000-7000-8000-000000000001','data','S3','NORMAL','2026-11-28T10:20:37.171Z',1,NULL);
INSERT INTO "repositories" VALUES('01a221ab-cdb6-7f56-9e5c-a728b34e0482','00000000-0000-7000-8000-000000000001','mirrored','S3','MIRROR','2026-11-28T10:20:37.174Z',1,NULL);
INSERT INTO "repositories" VALUES('01a221ab-cdd9-7316-993a-0fb9b052777e','01a221ab-cd87-78da-beb0-2327532e5efb','assistant','OPENAI','NORMAL','2026-11-28T10:20:37.209Z',1,NULL);
INSERT INTO "repositories" VALUES('01a221ab-da67-79a6-9ff9-a63ba4b9035e','01a221ab-cd87-78da-beb0-2327532e5efb','by-hand','S3','NORMAL','2026-11-28T10:20:40.423Z',1,NULL);
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
INSERT INTO "repository_keys" VALUES('01a221ab-da71-7fa3-9a43-4aabc7a4144d','01a221ab-da67-79a6-9ff9-a63ba4b9035e','storage','reader','READ','GW472627A9483BEDB203','183b8d300ad6f1a5300beb58d8c248942fad0c29fe646dcd6646a849085546d5','2026-11-28T10:20:40.433Z',1,NULL);
CREATE TABLE workspaces (
	id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	version INTEGER NOT NULL,
	deleted_at VARCHAR,
	PRIMARY KEY (id)
) WITHOUT ROWID;
INSERT INTO "workspaces" VALUES('00000000-0000-7000-8000-000000000001','default','2026-11-28T10:20:34.670Z',1,NULL);
INSERT INTO "workspaces" VALUES('01a221ab-cd87-78da-beb0-2327532e5efb','lab','2026-11-28T10:20:37.127Z',1,NULL);
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
