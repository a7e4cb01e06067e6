"""The S3 endpoint: what the real sandbox's MinIO is to clients, over the plain folders that tasks write to.

It remembers nothing about an object that the file itself does not say, so whatever a task writes is there at
once and never described wrongly. Requests and answers follow the Amazon S3 API reference; where a folder
cannot do what S3 does (an object that is also a prefix), MinIO's error is answered.
"""
