-- A platform of schema 1 as gatectl wrote it at commit f9961bb: manifests.yaml applied, one repository more deleted by --prune, one made by hand.
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
	('01a221ac-3f33-746c-8f6a-e6d62f527a2c', '00000000-0000-7000-8000-000000000001', 'AWS', 'AKIA', '51b0ffac1049d5775614c3b1869025f65189aaa5a2ddcee31721c05f31c4d586', NULL, NULL, NULL, NULL, 'main', '2026-11-28T10:21:06.227Z', 1);
INSERT INTO public.applied VALUES
	('estate', '01a221ac-489e-71f9-bee7-4fe76507bc23'),
	('estate', '01a221ac-48ab-77a1-9445-bf2cf07373f2'),
	('estate', '01a221ac-48b1-7629-9f24-63f3d57953b3'),
	('estate', '01a221ac-48b8-7419-8542-bddef5eab07c'),
	('estate', '01a221ac-48c3-7f4a-b9ee-18d71aa3f5a8'),
	('estate', '01a221ac-48c7-7cbe-9acb-91b6c40e5a0c'),
	('estate', '01a221ac-4903-7cd2-975f-1d830f17add8'),
	('estate', '01a221ac-4909-757b-a705-fca2cda8e7a4'),
	('estate', '01a221ac-4912-771a-9f0c-7e0d45202bca'),
	('estate', '01a221ac-494c-70da-a5cf-dc609885813c');
INSERT INTO public.bucket_attachments VALUES
	('01a221ac-4909-757b-a705-fca2cda8e7a4', 0, '01a221ac-48b1-7629-9f24-63f3d57953b3', '', '', false, false),
	('01a221ac-4909-757b-a705-fca2cda8e7a4', 1, '01a221ac-48c3-7f4a-b9ee-18d71aa3f5a8', '/raw/', 'raw', false, false),
	('01a221ac-4912-771a-9f0c-7e0d45202bca', 0, '01a221ac-48ab-77a1-9445-bf2cf07373f2', '', '', false, true),
	('01a221ac-4912-771a-9f0c-7e0d45202bca', 1, '01a221ac-48b8-7419-8542-bddef5eab07c', '', '', true, true);
INSERT INTO public.buckets VALUES
	('01a221ac-48ab-77a1-9445-bf2cf07373f2', '00000000-0000-7000-8000-000000000001', 'copies', 'raw-copies', 'GCS', 'AKIA', '51b0ffac1049d5775614c3b1869025f65189aaa5a2ddcee31721c05f31c4d586', NULL, NULL, NULL, '2026-11-28T10:21:08.651Z', 1, NULL),
	('01a221ac-48b1-7629-9f24-63f3d57953b3', '00000000-0000-7000-8000-000000000001', 'logs', 'logs', 'BLOB', 'prodeustore', '51b0ffac1049d5775614c3b1869025f65189aaa5a2ddcee31721c05f31c4d586', NULL, NULL, NULL, '2026-11-28T10:21:08.657Z', 1, NULL),
	('01a221ac-48b8-7419-8542-bddef5eab07c', '00000000-0000-7000-8000-000000000001', 'raw', 'raw-events', 'S3', 'AKIA', '51b0ffac1049d5775614c3b1869025f65189aaa5a2ddcee31721c05f31c4d586', NULL, NULL, 'eu-west-1', '2026-11-28T10:21:08.664Z', 1, NULL),
	('01a221ac-48c3-7f4a-b9ee-18d71aa3f5a8', '00000000-0000-7000-8000-000000000001', 'shared', 'shared-data', 'S3', NULL, NULL, '01a221ac-3f33-746c-8f6a-e6d62f527a2c', 'https://s3.example.com', NULL, '2026-11-28T10:21:08.675Z', 1, NULL);
INSERT INTO public.creations VALUES
	('a-key', 'repo', '01a221ac-563c-7585-b2d8-02c782224446', '532da3aca2aad78f6880bbe6cd2c632cf6d74686e9e1b3b43d58b294712b370f', '2026-11-28T10:21:12.132Z');
INSERT INTO public.gatectl_meta VALUES
	('schema', '1'),
	('instance', '01a221ac-3ed2-7b21-8bf9-11a58f4732cd'),
	('seal', 'd36519a92cee477a6d66f53bdecfb39696d1931c0786f2229570c711e7883819');
INSERT INTO public.llm_attachments VALUES
	('01a221ac-494c-70da-a5cf-dc609885813c', 0, '01a221ac-4903-7cd2-975f-1d830f17add8');
INSERT INTO public.llms VALUES
	('01a221ac-4903-7cd2-975f-1d830f17add8', '01a221ac-489e-71f9-bee7-4fe76507bc23', 'gpt', 'OPENAI', NULL, '51b0ffac1049d5775614c3b1869025f65189aaa5a2ddcee31721c05f31c4d586', NULL, 'https://api.example.com/v1', '2026-11-28T10:21:08.739Z', 1);
INSERT INTO public.repositories VALUES
	('01a221ac-4909-757b-a705-fca2cda8e7a4', '00000000-0000-7000-8000-000000000001', 'data', 'S3', 'NORMAL', '2026-11-28T10:21:08.745Z', 1, NULL),
	('01a221ac-4912-771a-9f0c-7e0d45202bca', '00000000-0000-7000-8000-000000000001', 'mirrored', 'S3', 'MIRROR', '2026-11-28T10:21:08.754Z', 1, NULL),
	('01a221ac-494c-70da-a5cf-dc609885813c', '01a221ac-489e-71f9-bee7-4fe76507bc23', 'assistant', 'OPENAI', 'NORMAL', '2026-11-28T10:21:08.812Z', 1, NULL),
	('01a221ac-48c7-7cbe-9acb-91b6c40e5a0c', '00000000-0000-7000-8000-000000000001', 'gone', 'S3', 'NORMAL', '2026-11-28T10:21:08.679Z', 2, '2026-11-28T10:21:11.614Z'),
	('01a221ac-563c-7585-b2d8-02c782224446', '01a221ac-489e-71f9-bee7-4fe76507bc23', 'by-hand', 'S3', 'NORMAL', '2026-11-28T10:21:12.124Z', 1, NULL);
INSERT INTO public.repository_keys VALUES
	('01a221ac-5657-786b-80d8-db2f82aa562f', '01a221ac-563c-7585-b2d8-02c782224446', 'storage', 'reader', 'READ', 'GWB5E94BEA57733C65A2', '753178a7fa4b2a38ca531a37007dd5c94626b6ecd9f030d984ca7cef0ef404c2', '2026-11-28T10:21:12.151Z', 1, NULL);
INSERT INTO public.workspaces VALUES
	('00000000-0000-7000-8000-000000000001', 'default', '2026-11-28T10:21:06.199Z', 1, NULL),
	('01a221ac-489e-71f9-bee7-4fe76507bc23', 'lab', '2026-11-28T10:21:08.638Z', 1, NULL);
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
