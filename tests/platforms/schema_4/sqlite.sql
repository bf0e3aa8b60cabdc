-- A platform of schema 4: that of schema_3 as gatectl brought it forwards at commit 09ca049, with a lease that was given back and a fence.
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
INSERT INTO "gatectl_meta" VALUES('schema','4');
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
CREATE TABLE runs (
	run VARCHAR(40) NOT NULL,
	project VARCHAR NOT NULL,
	uid VARCHAR,
	place VARCHAR,
	environment VARCHAR NOT NULL,
	entry VARCHAR NOT NULL,
	PRIMARY KEY (run)
)
 WITHOUT ROWID;
CREATE INDEX runs_by_environment ON runs (environment, run);
CREATE TABLE run_receipts (
	run VARCHAR(40) NOT NULL,
	part INTEGER NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (run, part),
	FOREIGN KEY(run) REFERENCES runs (run)
);
INSERT INTO runs VALUES('20260102T000100000Z-00000001','estate',NULL,'/srv/estate/gatectl.yaml','default','{"run": "20260102T000100000Z-00000001", "project": {"name": "estate", "uid": null}, "environment": "default", "platform": {"driver": "flashback", "url": "https://gateway.example", "instance": "o-1"}, "workspaces": ["default"], "startedAt": "2026-01-02T00:01:00.000Z", "endedAt": "2026-01-02T00:01:00.000Z", "actor": {"user": "ann", "host": "desk", "ci": null, "url": null}, "version": "0", "source": {"commit": "0000000000000000000000000000000000000000", "dirty": false}, "fingerprint": "sha256:e0feac7a940ab94b2365b4f42baa9a01bf748f8adfb9ea34d316ff072f455de2", "changes": {"create": 1, "update": 0, "delete": 0, "adopt": 0, "attach": 0, "detach": 0}, "summary": {"done": 0, "already": 0, "conflict": 0, "failed": 0, "blocked": 0, "not-started": 0, "unknown": 0}, "converged": true, "overrides": []}');
INSERT INTO run_receipts VALUES('20260102T000100000Z-00000001',0,X'1f8b0800000000000003d5543d73db300cfd2f9ced84fab6b5f53ff43aa4970122418b3545ea282aa9cf97ff5e8056dc0cb9ebd20ed52290001e8087275d85097182f40de3628317bd281e0ab1137165bb94652b0b597e95925efc3cedf38b8e1494209e3089fe2a74b42f1829c33858c601d499dc6b747433a6342ffde3e30912bec2e5017fc2343b24bff54b02af9082c29ef15e433c2f33285c44ff5d6834b0ba249e77628ee107aa5cc9c3c40948a9894156ab45ef57e7de7602fd8b8dc14fe829f49e4fb83652cef58d4296b046ae78152a4c93e5b86da03f3e04a46d4c17d11b700b32181190507f6114a66a2f8b7d26ab97452fe503253d096e4bff3908540a91fb5a974c24784fb763586ea32c4ca8b2b751376ab7a95feeabe3168df5278c73b499836584b2697b9406417570ac250cc77a28abb6196a539703c011643198ae3e980368331c11aa5a57456b8cec4a53378dc6927067079edbfb5c2effa312d011501ee22a664823977a7ebfe75ddca8be8df6eeb4b9cb9b67a6ed5b701ff4f0d7c4c594ccebad2a03afd304f1929123f2b87d4103cf3a9b9272a9e9cd041de694add5ab11480d444b49f729811ab7e8bbb9fa093ce4184985c28c1198946dde0cb6d967645cb63e24f1515b387912aa555be4bfd2a0b627ccdfc30609e6d098160c56ba95aae964a53b34ba80b2682512a02ca091a5190a593550427b349d694d77e84a00a80e82275e132d2beb8cf7fb9b681dfc46a823caf525db2a78e32ceb8f0e06accbc4edc4e0823a6fb60f69bffd19368acf3ebcfa1bc104409f47a62ec5153f212f903f5a7def0853ca554808bf00b532cce8ad050000');
CREATE TABLE leases (
	platform VARCHAR NOT NULL,
	workspace VARCHAR NOT NULL,
	fence INTEGER NOT NULL,
	holder VARCHAR NOT NULL,
	since VARCHAR NOT NULL,
	until BIGINT NOT NULL,
	lasts INTEGER NOT NULL,
	token VARCHAR NOT NULL,
	released BOOLEAN NOT NULL,
	PRIMARY KEY (platform, workspace)
) WITHOUT ROWID;
CREATE TABLE fences (
	workspace VARCHAR NOT NULL,
	store VARCHAR NOT NULL,
	fence INTEGER NOT NULL,
	PRIMARY KEY (workspace)
) WITHOUT ROWID;
INSERT INTO leases VALUES('01a22278-7cc1-7123-95e7-f52247021c24','00000000-0000-7000-8000-000000000001',1,'{"user": "root", "host": "build", "boot": "7bd528c6-8e3b-4bd3-ab44-ab7d5f231385", "namespace": "pid:[4026531836]", "pid": 26518, "started": 5327709, "run": "20260102T000100000Z-00000001", "url": null}','2026-01-02T00:01:00.108Z',1767312060108,60000,'ee491e0d13811f05',1);
INSERT INTO fences VALUES('00000000-0000-7000-8000-000000000001','0193b0aa-1d21-7a93-9b7c-6613488cbde2',7);
COMMIT;
