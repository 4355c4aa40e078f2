-- A contact is for an object that names it (a network, an AS number, a domain, a system) or, where empty, for the whole party.
-- Addresses are compared with all letters in one case.

alter table contact add column object text not null default '';
alter table contact add column mail_folded text not null default '';
update contact set mail_folded = lower(mail);
create index contact_mail on contact (mail_folded);
