-- A key that has ended stays so: the application ends keys through functions, which know no other direction.
REVOKE UPDATE (expires_at, revoked_at) ON identity.api_keys FROM koudai_app;
