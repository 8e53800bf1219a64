-- The shop's tables, as the original has them.
CREATE SCHEMA IF NOT EXISTS commerce;
CREATE TABLE IF NOT EXISTS commerce.users (id int PRIMARY KEY, username varchar(255) NOT NULL, password varchar(255) NOT NULL);
CREATE TABLE IF NOT EXISTS commerce.products (id int PRIMARY KEY, name varchar(255) NOT NULL, description text, price real NOT NULL);
CREATE TABLE IF NOT EXISTS commerce.attributed_checkouts (
  checkout_id varchar PRIMARY KEY,
  user_name varchar,
  click_id varchar,
  product_id varchar,
  payment_method varchar,
  total_amount decimal(5, 2),
  shipping_address varchar,
  billing_address varchar,
  user_agent varchar,
  ip_address varchar,
  checkout_time timestamp,
  click_time timestamp
);
