-- A platform of schema 4: that of schema_3 as gatectl brought it forwards at commit 09ca049, with a lease that was given back and a fence.
CREATE TABLE public.api_keys (
    id character varying(36) NOT NULL,
    workspace_id character varying(36) NOT NULL,
    provider character varying NOT NULL,
    key character varying NOT NULL,
    secret_hash character varying NOT NULL,
    endpoint character varying,
    region character varying,
    tenant_id character varying,
    subscription_id character varying,
    description character varying,
    created_at character varying NOT NULL,
    version integer NOT NULL
);
CREATE TABLE public.applied (
    project character varying NOT NULL,
    object_id character varying(36) NOT NULL
);
CREATE TABLE public.bucket_attachments (
    repository_id character varying(36) NOT NULL,
    "position" integer NOT NULL,
    bucket_id character varying(36) NOT NULL,
    folder character varying NOT NULL,
    folder_key character varying NOT NULL,
    master boolean NOT NULL,
    mirror boolean NOT NULL
);
CREATE TABLE public.buckets (
    id character varying(36) NOT NULL,
    workspace_id character varying(36) NOT NULL,
    name character varying NOT NULL,
    bucket character varying NOT NULL,
    storage_type character varying NOT NULL,
    key character varying,
    secret_hash character varying,
    api_key_id character varying(36),
    endpoint character varying,
    region character varying,
    created_at character varying NOT NULL,
    version integer NOT NULL,
    deleted_at character varying
);
CREATE TABLE public.creations (
    key character varying(255) NOT NULL,
    collection character varying NOT NULL,
    object_id character varying NOT NULL,
    form character varying NOT NULL,
    created_at character varying NOT NULL
);
CREATE TABLE public.gatectl_meta (
    name character varying NOT NULL,
    value character varying NOT NULL
);
CREATE TABLE public.llm_attachments (
    repository_id character varying(36) NOT NULL,
    "position" integer NOT NULL,
    llm_id character varying(36) NOT NULL
);
CREATE TABLE public.llms (
    id character varying(36) NOT NULL,
    workspace_id character varying(36) NOT NULL,
    name character varying NOT NULL,
    ai_type character varying NOT NULL,
    key character varying,
    secret_hash character varying,
    api_key_id character varying(36),
    endpoint character varying,
    created_at character varying NOT NULL,
    version integer NOT NULL
);
CREATE TABLE public.repositories (
    id character varying(36) NOT NULL,
    workspace_id character varying(36) NOT NULL,
    name character varying NOT NULL,
    storage_type character varying NOT NULL,
    mode character varying NOT NULL,
    created_at character varying NOT NULL,
    version integer NOT NULL,
    deleted_at character varying
);
CREATE TABLE public.repository_keys (
    id character varying(36) NOT NULL,
    repository_id character varying(36) NOT NULL,
    family character varying NOT NULL,
    name character varying NOT NULL,
    access character varying NOT NULL,
    key character varying,
    secret_hash character varying NOT NULL,
    created_at character varying NOT NULL,
    version integer NOT NULL,
    deleted_at character varying
);
CREATE TABLE public.workspaces (
    id character varying(36) NOT NULL,
    name character varying NOT NULL,
    created_at character varying NOT NULL,
    version integer NOT NULL,
    deleted_at character varying
);
INSERT INTO public.api_keys VALUES
	('01a22278-ab47-7833-9417-018450283b57', '00000000-0000-7000-8000-000000000001', 'AWS', 'AKIA', 'e26d734764ab10c9f51875d10c7514ca05e2edb805bc5a390c9daa19b2d39621', NULL, NULL, NULL, NULL, 'main', '2026-11-28T14:04:23.239Z', 1);
INSERT INTO public.applied VALUES
	('estate', '01a22278-b4d7-7159-9594-96b102959c29'),
	('estate', '01a22278-b4e3-747c-87c4-bf99d0b897f2'),
	('estate', '01a22278-b56f-7af0-a5b5-a3e0c1e2c121'),
	('estate', '01a22278-b580-7776-a01a-17414c4c6c31'),
	('estate', '01a22278-b5cf-72c8-a6cf-daef2420cd25'),
	('estate', '01a22278-b5e4-7c3e-9e21-b3bce7830492'),
	('estate', '01a22278-b89b-7837-9aaa-619c381d246e'),
	('estate', '01a22278-b8bb-7f3b-86a7-bab6f07f339d'),
	('estate', '01a22278-b93c-74d6-96b1-ed4b39d319c9'),
	('estate', '01a22278-bbff-7ba9-84d2-616b9f6b7c04');
INSERT INTO public.bucket_attachments VALUES
	('01a22278-b8bb-7f3b-86a7-bab6f07f339d', 0, '01a22278-b56f-7af0-a5b5-a3e0c1e2c121', '', '', false, false),
	('01a22278-b8bb-7f3b-86a7-bab6f07f339d', 1, '01a22278-b5cf-72c8-a6cf-daef2420cd25', '/raw/', 'raw', false, false),
	('01a22278-b93c-74d6-96b1-ed4b39d319c9', 0, '01a22278-b4e3-747c-87c4-bf99d0b897f2', '', '', false, true),
	('01a22278-b93c-74d6-96b1-ed4b39d319c9', 1, '01a22278-b580-7776-a01a-17414c4c6c31', '', '', true, true);
INSERT INTO public.buckets VALUES
	('01a22278-b4e3-747c-87c4-bf99d0b897f2', '00000000-0000-7000-8000-000000000001', 'copies', 'raw-copies', 'GCS', 'AKIA', 'e26d734764ab10c9f51875d10c7514ca05e2edb805bc5a390c9daa19b2d39621', NULL, NULL, NULL, '2026-11-28T14:04:25.699Z', 1, NULL),
	('01a22278-b56f-7af0-a5b5-a3e0c1e2c121', '00000000-0000-7000-8000-000000000001', 'logs', 'logs', 'BLOB', 'prodeustore', 'e26d734764ab10c9f51875d10c7514ca05e2edb805bc5a390c9daa19b2d39621', NULL, NULL, NULL, '2026-11-28T14:04:25.839Z', 1, NULL),
	('01a22278-b580-7776-a01a-17414c4c6c31', '00000000-0000-7000-8000-000000000001', 'raw', 'raw-events', 'S3', 'AKIA', 'e26d734764ab10c9f51875d10c7514ca05e2edb805bc5a390c9daa19b2d39621', NULL, NULL, 'eu-west-1', '2026-11-28T14:04:25.856Z', 1, NULL),
	('01a22278-b5cf-72c8-a6cf-daef2420cd25', '00000000-0000-7000-8000-000000000001', 'shared', 'shared-data', 'S3', NULL, NULL, '01a22278-ab47-7833-9417-018450283b57', 'https://s3.example.com', NULL, '2026-11-28T14:04:25.935Z', 1, NULL);
INSERT INTO public.creations VALUES
	('a-key', 'repo', '01a22278-c25d-7f9f-9ef8-624c61a704c1', '9519ce124e021cc804d0f3827c31eeb097e74f0cdb2827f5c79af9b30ecba5d6', '2026-11-28T14:04:29.230Z');
INSERT INTO public.gatectl_meta VALUES
	('instance', '01a22278-a8ac-7a7c-bdc7-e6b5ec2fbce5'),
	('seal', '61aed8224e41c0a2174ba1bb3d2e6171012e433152df6ac0c94e9002e7cdc1f2'),
	('schema', '4'),
	('gatectl', '0.1.0');
INSERT INTO public.llm_attachments VALUES
	('01a22278-bbff-7ba9-84d2-616b9f6b7c04', 0, '01a22278-b89b-7837-9aaa-619c381d246e');
INSERT INTO public.llms VALUES
	('01a22278-b89b-7837-9aaa-619c381d246e', '01a22278-b4d7-7159-9594-96b102959c29', 'gpt', 'OPENAI', NULL, 'e26d734764ab10c9f51875d10c7514ca05e2edb805bc5a390c9daa19b2d39621', NULL, 'https://api.example.com/v1', '2026-11-28T14:04:26.651Z', 1);
INSERT INTO public.repositories VALUES
	('01a22278-b8bb-7f3b-86a7-bab6f07f339d', '00000000-0000-7000-8000-000000000001', 'data', 'S3', 'NORMAL', '2026-11-28T14:04:26.683Z', 1, NULL),
	('01a22278-b93c-74d6-96b1-ed4b39d319c9', '00000000-0000-7000-8000-000000000001', 'mirrored', 'S3', 'MIRROR', '2026-11-28T14:04:26.812Z', 1, NULL),
	('01a22278-bbff-7ba9-84d2-616b9f6b7c04', '01a22278-b4d7-7159-9594-96b102959c29', 'assistant', 'OPENAI', 'NORMAL', '2026-11-28T14:04:27.519Z', 1, NULL),
	('01a22278-b5e4-7c3e-9e21-b3bce7830492', '00000000-0000-7000-8000-000000000001', 'gone', 'S3', 'NORMAL', '2026-11-28T14:04:25.956Z', 2, '2026-11-28T14:04:29.047Z'),
	('01a22278-c25d-7f9f-9ef8-624c61a704c1', '01a22278-b4d7-7159-9594-96b102959c29', 'by-hand', 'S3', 'NORMAL', '2026-11-28T14:04:29.149Z', 1, NULL);
INSERT INTO public.repository_keys VALUES
	('01a22278-c35b-7e44-8f70-e4d4f03b6a2e', '01a22278-c25d-7f9f-9ef8-624c61a704c1', 'storage', 'reader', 'READ', 'GWCFCB5CE38679B68C8F', '36e83d051663c007131bb2dd93d9eac85a8c9918d54e0f10a3c8d2347ac5d80c', '2026-11-28T14:04:29.403Z', 1, NULL);
INSERT INTO public.workspaces VALUES
	('00000000-0000-7000-8000-000000000001', 'default', '2026-11-28T14:04:23.119Z', 1, NULL),
	('01a22278-b4d7-7159-9594-96b102959c29', 'lab', '2026-11-28T14:04:25.687Z', 1, NULL);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (project, object_id);
ALTER TABLE ONLY public.bucket_attachments
    ADD CONSTRAINT bucket_attachments_pkey PRIMARY KEY (repository_id, "position");
ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.creations
    ADD CONSTRAINT creations_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.gatectl_meta
    ADD CONSTRAINT gatectl_meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.llm_attachments
    ADD CONSTRAINT llm_attachments_pkey PRIMARY KEY (repository_id, "position");
ALTER TABLE ONLY public.llms
    ADD CONSTRAINT llms_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.repositories
    ADD CONSTRAINT repositories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.repository_keys
    ADD CONSTRAINT repository_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);
CREATE INDEX api_keys_by_workspace ON public.api_keys USING btree (workspace_id);
CREATE UNIQUE INDEX bucket_attachments_by_folder ON public.bucket_attachments USING btree (bucket_id, folder_key);
CREATE INDEX buckets_by_api_key ON public.buckets USING btree (api_key_id) WHERE (api_key_id IS NOT NULL);
CREATE INDEX buckets_by_workspace ON public.buckets USING btree (workspace_id);
CREATE INDEX creations_by_moment ON public.creations USING btree (created_at);
CREATE INDEX llm_attachments_by_llm ON public.llm_attachments USING btree (llm_id);
CREATE INDEX llms_by_api_key ON public.llms USING btree (api_key_id) WHERE (api_key_id IS NOT NULL);
CREATE UNIQUE INDEX llms_by_name ON public.llms USING btree (workspace_id, name);
CREATE UNIQUE INDEX repositories_by_name ON public.repositories USING btree (workspace_id, name) WHERE (deleted_at IS NULL);
CREATE INDEX repository_keys_by_repository ON public.repository_keys USING btree (repository_id);
ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);
ALTER TABLE ONLY public.bucket_attachments
    ADD CONSTRAINT bucket_attachments_bucket_id_fkey FOREIGN KEY (bucket_id) REFERENCES public.buckets(id);
ALTER TABLE ONLY public.bucket_attachments
    ADD CONSTRAINT bucket_attachments_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id);
ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES public.api_keys(id);
ALTER TABLE ONLY public.buckets
    ADD CONSTRAINT buckets_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);
ALTER TABLE ONLY public.llm_attachments
    ADD CONSTRAINT llm_attachments_llm_id_fkey FOREIGN KEY (llm_id) REFERENCES public.llms(id);
ALTER TABLE ONLY public.llm_attachments
    ADD CONSTRAINT llm_attachments_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id);
ALTER TABLE ONLY public.llms
    ADD CONSTRAINT llms_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES public.api_keys(id);
ALTER TABLE ONLY public.llms
    ADD CONSTRAINT llms_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);
ALTER TABLE ONLY public.repositories
    ADD CONSTRAINT repositories_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);
ALTER TABLE ONLY public.repository_keys
    ADD CONSTRAINT repository_keys_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id);
CREATE TABLE public.runs (
	run VARCHAR(40) NOT NULL,
	project VARCHAR NOT NULL,
	uid VARCHAR,
	place VARCHAR,
	environment VARCHAR NOT NULL,
	entry VARCHAR NOT NULL,
	PRIMARY KEY (run)
);
CREATE INDEX runs_by_environment ON public.runs (environment, run);
CREATE TABLE public.run_receipts (
	run VARCHAR(40) NOT NULL,
	part INTEGER NOT NULL,
	content BYTEA NOT NULL,
	PRIMARY KEY (run, part),
	FOREIGN KEY(run) REFERENCES public.runs (run)
);
INSERT INTO public.runs VALUES('20260102T000100000Z-00000001','estate',NULL,'/srv/estate/gatectl.yaml','default','{"run": "20260102T000100000Z-00000001", "project": {"name": "estate", "uid": null}, "environment": "default", "platform": {"driver": "flashback", "url": "https://gateway.example", "instance": "o-1"}, "workspaces": ["default"], "startedAt": "2026-01-02T00:01:00.000Z", "endedAt": "2026-01-02T00:01:00.000Z", "actor": {"user": "ann", "host": "desk", "ci": null, "url": null}, "version": "0", "source": {"commit": "0000000000000000000000000000000000000000", "dirty": false}, "fingerprint": "sha256:e0feac7a940ab94b2365b4f42baa9a01bf748f8adfb9ea34d316ff072f455de2", "changes": {"create": 1, "update": 0, "delete": 0, "adopt": 0, "attach": 0, "detach": 0}, "summary": {"done": 0, "already": 0, "conflict": 0, "failed": 0, "blocked": 0, "not-started": 0, "unknown": 0}, "converged": true, "overrides": []}');
INSERT INTO public.run_receipts VALUES('20260102T000100000Z-00000001',0,'\x1f8b0800000000000003d5543d73db300cfd2f9ced84fab6b5f53ff43aa4970122418b3545ea282aa9cf97ff5e8056dc0cb9ebd20ed52290001e8087275d85097182f40de3628317bd281e0ab1137165bb94652b0b597e95925efc3cedf38b8e1494209e3089fe2a74b42f1829c33858c601d499dc6b747433a6342ffde3e30912bec2e5017fc2343b24bff54b02af9082c29ef15e433c2f33285c44ff5d6834b0ba249e77628ee107aa5cc9c3c40948a9894156ab45ef57e7de7602fd8b8dc14fe829f49e4fb83652cef58d4296b046ae78152a4c93e5b86da03f3e04a46d4c17d11b700b32181190507f6114a66a2f8b7d26ab97452fe503253d096e4bff3908540a91fb5a974c24784fb763586ea32c4ca8b2b751376ab7a95feeabe3168df5278c73b499836584b2697b9406417570ac250cc77a28abb6196a539703c011643198ae3e980368331c11aa5a57456b8cec4a53378dc6927067079edbfb5c2effa312d011501ee22a664823977a7ebfe75ddca8be8df6eeb4b9cb9b67a6ed5b701ff4f0d7c4c594ccebad2a03afd304f1929123f2b87d4103cf3a9b9272a9e9cd041de694add5ab11480d444b49f729811ab7e8bbb9fa093ce4184985c28c1198946dde0cb6d967645cb63e24f1515b387912aa555be4bfd2a0b627ccdfc30609e6d098160c56ba95aae964a53b34ba80b2682512a02ca091a5190a593550427b349d694d77e84a00a80e82275e132d2beb8cf7fb9b681dfc46a823caf525db2a78e32ceb8f0e06accbc4edc4e0823a6fb60f69bffd19368acf3ebcfa1bc104409f47a62ec5153f212f903f5a7def0853ca554808bf00b532cce8ad050000');
CREATE TABLE public.leases (
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
);
CREATE TABLE public.fences (
	workspace VARCHAR NOT NULL,
	store VARCHAR NOT NULL,
	fence INTEGER NOT NULL,
	PRIMARY KEY (workspace)
);
INSERT INTO public.leases VALUES('01a22278-a8ac-7a7c-bdc7-e6b5ec2fbce5','00000000-0000-7000-8000-000000000001',1,'{"user": "root", "host": "build", "boot": "7bd528c6-8e3b-4bd3-ab44-ab7d5f231385", "namespace": "pid:[4026531836]", "pid": 26518, "started": 5327709, "run": "20260102T000100000Z-00000001", "url": null}','2026-01-02T00:01:00.108Z',1767312060108,60000,'ee491e0d13811f05',true);
INSERT INTO public.fences VALUES('00000000-0000-7000-8000-000000000001','0193b0aa-1d21-7a93-9b7c-6613488cbde2',7);
